//! Assistance: what was asked in plain words, and who answered.
//!
//! A day's are one aggregate, so that nothing grows without end. Who asked, in
//! which request and from where, is in the events' metadata.

mod event;
#[cfg(test)]
mod tests;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use event::{
    Assist, AssistEngine, AssistOutcome, AssistTask, AssistanceEvent, Wording, WordingError,
};

/// How often somebody was assisted on a day.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Assistance {
    recorded: u64,
}

impl Assistance {
    /// How often.
    pub fn recorded(&self) -> u64 {
        self.recorded
    }
}

/// No assistance is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssistanceError {}

impl Aggregate for Assistance {
    const TYPE: &'static str = "assistance";
    /// To record one more.
    type Command = Assist;
    type Event = AssistanceEvent;
    type Error = AssistanceError;
    type Services = ();

    async fn handle(
        &mut self,
        assist: Assist,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), AssistanceError> {
        let given = AssistanceEvent::Given(Box::new(assist));
        sink.write(given, self).await;
        Ok(())
    }

    fn apply(&mut self, AssistanceEvent::Given(_): AssistanceEvent) {
        self.recorded += 1;
    }
}
