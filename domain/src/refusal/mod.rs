//! Refusals: rejected requests that are security-relevant.
//!
//! Refusals are plain records: no command is decided on them, so they have no
//! head, no version, and no order. The refusals of a day share a key. The
//! metadata holds the actor, the request, and the address.

mod event;
#[cfg(test)]
mod tests;

pub use event::{Refusal, RefusalEvent, RefusalReason};
