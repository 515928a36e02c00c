//! Activity: what customers did, such as a visit.

mod event;
#[cfg(test)]
mod tests;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use event::ActivityEvent;

use crate::digest::digest;
use crate::{Attributes, MAX_ATTRIBUTES, Name, Timestamp};

/// What an activity says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActivityContent {
    /// Its kind: `visit`.
    pub name: Name,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Anything else about it.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub properties: Attributes,
}

/// The part of an activity that enters a customer's figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// Its kind.
    pub name: Name,
    /// When it happened.
    pub occurred_at: Timestamp,
}

/// An activity as the shop has it now. Sent again unchanged it is no event;
/// sent with other content it is an update.
#[derive(Debug, Clone)]
pub struct RecordActivity(pub ActivityContent);

/// Why an activity is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActivityError {
    /// It has this many properties.
    #[error("an activity has at most {MAX_ATTRIBUTES} properties, this one has {0}")]
    TooManyProperties(usize),
}

/// What later activities of the same id are compared with: nothing until it
/// was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Activity(Option<State>);

/// Name, time, and a digest of the properties.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct State(
    Name,
    #[serde(with = "crate::time::as_millis")] Timestamp,
    u64,
);

impl State {
    fn of(content: &ActivityContent) -> Self {
        let properties = if content.properties.is_empty() {
            0
        } else {
            digest(&content.properties)
        };
        Self(content.name.clone(), content.occurred_at, properties)
    }
}

impl Activity {
    /// The event that this content makes, if it makes one.
    ///
    /// # Errors
    /// [`ActivityError::TooManyProperties`].
    pub fn decide(&self, content: ActivityContent) -> Result<Option<ActivityEvent>, ActivityError> {
        if content.properties.len() > MAX_ATTRIBUTES {
            return Err(ActivityError::TooManyProperties(content.properties.len()));
        }
        let Some(state) = &self.0 else {
            return Ok(Some(ActivityEvent::Recorded(content)));
        };
        if *state == State::of(&content) {
            return Ok(None);
        }
        let State(name, occurred_at, _) = state;
        Ok(Some(ActivityEvent::Updated {
            content,
            previous: Occurrence {
                name: name.clone(),
                occurred_at: *occurred_at,
            },
        }))
    }
}

impl Aggregate for Activity {
    const TYPE: &'static str = "activity";
    type Command = RecordActivity;
    type Event = ActivityEvent;
    type Error = ActivityError;
    type Services = ();

    async fn handle(
        &mut self,
        RecordActivity(content): RecordActivity,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), ActivityError> {
        if let Some(event) = self.decide(content)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: ActivityEvent) {
        self.0 = Some(State::of(event.content()));
    }
}
