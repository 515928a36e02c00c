//! Events of activities.

use serde::{Deserialize, Serialize};

use super::{ActivityContent, Occurrence};

/// Event of an activity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ActivityEvent {
    /// The activity was recorded for the first time.
    #[serde(rename = "activity_recorded.1")]
    Recorded(ActivityContent),
    /// The content changed. The event also holds what counted before, so that a
    /// fold can subtract it.
    #[serde(rename = "activity_updated.1")]
    Updated {
        /// Complete new content.
        content: ActivityContent,
        /// Occurrence that counted until now.
        previous: Occurrence,
    },
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
