//! Assistance: what was asked in plain words, and who answered.
//!
//! It is recorded plainly: nothing is decided on it, so that it has no head,
//! no version and no order. A day's calls share a key. Who asked, in which
//! request and from where, is in the metadata.

mod event;
#[cfg(test)]
mod tests;

pub use event::{
    Assist, AssistEngine, AssistOutcome, AssistTask, AssistanceEvent, Wording, WordingError,
};
