//! Refusals: requests that were turned away, and matter.
//!
//! They are plain records: nothing is decided on them, so that they have no
//! head, no version and no order among each other. A day's share a key. Who
//! was refused, in which request and from where, is in the metadata.

mod event;
#[cfg(test)]
mod tests;

pub use event::{Refusal, RefusalEvent, RefusalReason};
