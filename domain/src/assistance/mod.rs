//! Assistance: calls for help in plain words, and their answers.
//!
//! Calls are plain records: no command is decided on them, so they have no
//! head, no version, and no order. The calls of a day share a key. The metadata
//! holds the actor, the request, and the address.

mod event;
#[cfg(test)]
mod tests;

pub use event::{
    Assist, AssistEngine, AssistOutcome, AssistTask, AssistanceEvent, Wording, WordingError,
};
