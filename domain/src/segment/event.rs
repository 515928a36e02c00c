//! What happened to a segment.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::SegmentContent;
use crate::Holder;
use crate::event::{
    DecodeError, LoggedEvent, NoContent, from_json, tag_name, tag_version, to_json,
};

/// What happened to a segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum SegmentEvent {
    /// `segment_created.1`
    Created(SegmentContent),
    /// `segment_updated.1`: its content is another now, given whole.
    Updated(SegmentContent),
    /// `segment_archived.1`
    Archived {},
    /// `segment_held.1`
    Held {
        /// What needs it from now on.
        holder: Holder,
    },
    /// `segment_released.1`
    Released {
        /// What needs it no more.
        holder: Holder,
    },
}

const CREATED: &str = "segment_created.1";
const UPDATED: &str = "segment_updated.1";
const ARCHIVED: &str = "segment_archived.1";
const HELD: &str = "segment_held.1";
const RELEASED: &str = "segment_released.1";

#[derive(Serialize, Deserialize)]
struct Hold<H> {
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
            Self::Held { holder } | Self::Released { holder } => to_json(&Hold { holder }),
        }
    }

    fn decode(tag: &str, data: &str) -> Result<Self, DecodeError> {
        match tag {
            CREATED => from_json(tag, data).map(Self::Created),
            UPDATED => from_json(tag, data).map(Self::Updated),
            ARCHIVED => from_json(tag, data).map(|NoContent {}| Self::Archived {}),
            HELD => from_json(tag, data).map(|Hold { holder }| Self::Held { holder }),
            RELEASED => from_json(tag, data).map(|Hold { holder }| Self::Released { holder }),
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
