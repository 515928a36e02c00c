//! Events of API keys.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::NewKey;
use crate::Timestamp;
use crate::event::{
    DecodeError, LoggedEvent, NoContent, from_json, tag_name, tag_version, to_json,
};

/// Event of an API key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ApiKeyEvent {
    /// `api_key_created.1`: the key was created.
    Created(Box<NewKey>),
    /// `api_key_revoked.1`: the key was revoked.
    Revoked {},
    /// `api_key_used.1`: the key was used. Recorded at most once per
    /// [`USE_EVERY`](super::USE_EVERY).
    Used {
        /// Time of the use.
        at: Timestamp,
    },
}

const CREATED: &str = "api_key_created.1";
const REVOKED: &str = "api_key_revoked.1";
const USED: &str = "api_key_used.1";

#[derive(Serialize, Deserialize)]
struct UsedData {
    at: Timestamp,
}

impl LoggedEvent for ApiKeyEvent {
    const TAGS: &'static [&'static str] = &[CREATED, REVOKED, USED];

    fn tag(&self) -> &'static str {
        match self {
            Self::Created(_) => CREATED,
            Self::Revoked {} => REVOKED,
            Self::Used { .. } => USED,
        }
    }

    fn data(&self) -> Box<RawValue> {
        match self {
            Self::Created(key) => to_json(key),
            Self::Revoked {} => to_json(&NoContent {}),
            Self::Used { at } => to_json(&UsedData { at: *at }),
        }
    }

    fn decode(tag: &str, data: &str) -> Result<Self, DecodeError> {
        match tag {
            CREATED => from_json(tag, data).map(Self::Created),
            REVOKED => from_json(tag, data).map(|NoContent {}| Self::Revoked {}),
            USED => from_json(tag, data).map(|UsedData { at }| Self::Used { at }),
            _ => Err(DecodeError::Unknown(tag.to_owned())),
        }
    }
}

impl DomainEvent for ApiKeyEvent {
    fn event_type(&self) -> String {
        tag_name(self.tag())
    }

    fn event_version(&self) -> String {
        tag_version(self.tag())
    }
}
