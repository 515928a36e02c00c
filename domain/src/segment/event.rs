//! Events of segments.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::SegmentContent;
use crate::Holder;
use crate::event::{
    DecodeError, LoggedEvent, NoContent, from_json, tag_name, tag_version, to_json,
};

/// Event of a segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum SegmentEvent {
    /// `segment_created.1`: the segment was created.
    Created(SegmentContent),
    /// `segment_updated.1`: the content was replaced; holds the complete new
    /// content.
    Updated(SegmentContent),
    /// `segment_archived.1`: the segment was archived.
    Archived {},
    /// `segment_held.1`: a hold was added.
    Held {
        /// Holder that needs the segment from now on.
        holder: Holder,
    },
    /// `segment_released.1`: a hold was released.
    Released {
        /// Holder that no longer needs the segment.
        holder: Holder,
    },
}

const CREATED: &str = "segment_created.1";
const UPDATED: &str = "segment_updated.1";
const ARCHIVED: &str = "segment_archived.1";
const HELD: &str = "segment_held.1";
const RELEASED: &str = "segment_released.1";

#[derive(Serialize, Deserialize)]
struct HolderData<H> {
    holder: H,
}

impl LoggedEvent for SegmentEvent {
    const TAGS: &'static [&'static str] = &[CREATED, UPDATED, ARCHIVED, HELD, RELEASED];

    fn tag(&self) -> &'static str {
        match self {
            Self::Created(_) => CREATED,
            Self::Updated(_) => UPDATED,
            Self::Archived {} => ARCHIVED,
            Self::Held { .. } => HELD,
            Self::Released { .. } => RELEASED,
        }
    }

    fn data(&self) -> Box<RawValue> {
        match self {
            Self::Created(content) | Self::Updated(content) => to_json(content),
            Self::Archived {} => to_json(&NoContent {}),
            Self::Held { holder } | Self::Released { holder } => to_json(&HolderData { holder }),
        }
    }

    fn decode(tag: &str, data: &str) -> Result<Self, DecodeError> {
        match tag {
            CREATED => from_json(tag, data).map(Self::Created),
            UPDATED => from_json(tag, data).map(Self::Updated),
            ARCHIVED => from_json(tag, data).map(|NoContent {}| Self::Archived {}),
            HELD => from_json(tag, data).map(|HolderData { holder }| Self::Held { holder }),
            RELEASED => from_json(tag, data).map(|HolderData { holder }| Self::Released { holder }),
            _ => Err(DecodeError::Unknown(tag.to_owned())),
        }
    }
}

impl DomainEvent for SegmentEvent {
    fn event_type(&self) -> String {
        tag_name(self.tag())
    }

    fn event_version(&self) -> String {
        tag_version(self.tag())
    }
}
