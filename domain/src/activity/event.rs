//! Events of activities.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{ActivityContent, Occurrence};
use crate::event::{DecodeError, LoggedEvent, from_json, tag_name, tag_version, to_json};

/// Event of an activity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ActivityEvent {
    /// `activity_recorded.1`: the activity was recorded for the first time.
    Recorded(ActivityContent),
    /// `activity_updated.1`: the content changed. The event also holds what
    /// counted before, so that a fold can subtract it.
    Updated {
        /// Complete new content.
        content: ActivityContent,
        /// Occurrence that counted until now.
        previous: Occurrence,
    },
}

const RECORDED: &str = "activity_recorded.1";
const UPDATED: &str = "activity_updated.1";

#[derive(Serialize, Deserialize)]
struct UpdatedData<C, P> {
    content: C,
    previous: P,
}

impl ActivityEvent {
    /// Returns the content after this event.
    pub fn content(&self) -> &ActivityContent {
        match self {
            Self::Recorded(content) | Self::Updated { content, .. } => content,
        }
    }

    /// Returns the occurrence that counted before this event, if there was one.
    pub fn previous(&self) -> Option<&Occurrence> {
        match self {
            Self::Recorded(_) => None,
            Self::Updated { previous, .. } => Some(previous),
        }
    }
}

impl LoggedEvent for ActivityEvent {
    const TAGS: &'static [&'static str] = &[RECORDED, UPDATED];

    fn tag(&self) -> &'static str {
        match self {
            Self::Recorded(_) => RECORDED,
            Self::Updated { .. } => UPDATED,
        }
    }

    fn data(&self) -> Box<RawValue> {
        match self {
            Self::Recorded(content) => to_json(content),
            Self::Updated { content, previous } => to_json(&UpdatedData { content, previous }),
        }
    }

    fn decode(tag: &str, data: &str) -> Result<Self, DecodeError> {
        match tag {
            RECORDED => from_json(tag, data).map(Self::Recorded),
            UPDATED => from_json(tag, data)
                .map(|UpdatedData { content, previous }| Self::Updated { content, previous }),
            _ => Err(DecodeError::Unknown(tag.to_owned())),
        }
    }
}

impl DomainEvent for ActivityEvent {
    fn event_type(&self) -> String {
        tag_name(self.tag())
    }

    fn event_version(&self) -> String {
        tag_version(self.tag())
    }
}
