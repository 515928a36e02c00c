//! Activities: actions of customers, such as visits.

mod event;
#[cfg(test)]
mod tests;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use event::ActivityEvent;

use crate::digest::digest;
use crate::{Attributes, MAX_ATTRIBUTES, Name, Timestamp};

/// Content of an activity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActivityContent {
    /// Kind of activity: `visit`.
    pub name: Name,
    /// Time of the activity.
    pub occurred_at: Timestamp,
    /// Further properties.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub properties: Attributes,
}

/// Part of an activity that counts toward a customer's figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// Kind of activity.
    pub name: Name,
    /// Time of the activity.
    pub occurred_at: Timestamp,
}

/// Command to record an activity. Sending an activity again unchanged makes no
/// event; sending it with different content makes an update.
#[derive(Debug, Clone)]
pub struct RecordActivity(pub ActivityContent);

/// Reason why an activity is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActivityError {
    /// The activity has this many properties.
    #[error("an activity has at most {MAX_ATTRIBUTES} properties, this one has {0}")]
    TooManyProperties(usize),
}

/// Activity aggregate, with which later activities of the same id are compared;
/// empty until the activity is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Activity(Option<ActivityState>);

/// Name, time, and digest of the properties of a recorded activity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ActivityState(
    Name,
    #[serde(with = "crate::time::as_millis")] Timestamp,
    u64,
);

impl ActivityState {
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
    /// Returns the event that this content makes, if it changes anything.
    ///
    /// # Errors
    /// [`ActivityError::TooManyProperties`] for more than [`MAX_ATTRIBUTES`]
    /// properties.
    pub fn decide(&self, content: ActivityContent) -> Result<Option<ActivityEvent>, ActivityError> {
        if content.properties.len() > MAX_ATTRIBUTES {
            return Err(ActivityError::TooManyProperties(content.properties.len()));
        }
        let Some(state) = &self.0 else {
            return Ok(Some(ActivityEvent::Recorded(content)));
        };
        if *state == ActivityState::of(&content) {
            return Ok(None);
        }
        let ActivityState(name, occurred_at, _) = state;
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
        self.0 = Some(ActivityState::of(event.content()));
    }
}
