//! Events of segments.

use serde::{Deserialize, Serialize};

use super::SegmentContent;
use crate::Holder;

/// Event of a segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum SegmentEvent {
    /// The segment was created.
    #[serde(rename = "segment_created.1")]
    Created(SegmentContent),
    /// The content was replaced; holds the complete new content.
    #[serde(rename = "segment_updated.1")]
    Updated(SegmentContent),
    /// The segment was archived.
    #[serde(rename = "segment_archived.1")]
    Archived {},
    /// A hold was added.
    #[serde(rename = "segment_held.1")]
    Held {
        /// Holder that needs the segment from now on.
        holder: Holder,
    },
    /// A hold was released.
    #[serde(rename = "segment_released.1")]
    Released {
        /// Holder that no longer needs the segment.
        holder: Holder,
    },
}
