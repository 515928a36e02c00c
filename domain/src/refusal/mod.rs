//! Refusals: requests that were turned away, and matter.
//!
//! A day's are one aggregate, so that nothing grows without end. Who was
//! refused, in which request and from where, is in the events' metadata.

mod event;
#[cfg(test)]
mod tests;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use event::{Refusal, RefusalEvent, RefusalReason};

/// How many refusals of a day were recorded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Refusals {
    recorded: u64,
}

impl Refusals {
    /// How many.
    pub fn recorded(&self) -> u64 {
        self.recorded
    }
}

/// No refusal is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefusalsError {}

impl Aggregate for Refusals {
    const TYPE: &'static str = "refusals";
    /// To record one more.
    type Command = Refusal;
    type Event = RefusalEvent;
    type Error = RefusalsError;
    type Services = ();

    async fn handle(
        &mut self,
        refusal: Refusal,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), RefusalsError> {
        sink.write(RefusalEvent::Refused(refusal), self).await;
        Ok(())
    }

    fn apply(&mut self, RefusalEvent::Refused(_): RefusalEvent) {
        self.recorded += 1;
    }
}
