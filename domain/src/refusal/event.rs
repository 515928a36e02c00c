//! Records of refused requests.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Text;
use crate::event::{DecodeError, LoggedEvent, from_json, to_json};

/// Reason why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RefusalReason {
    /// The credential's role does not permit the request.
    Role,
    /// The signature of a signed request is wrong or too old.
    Signature,
    /// The token of a session was tampered with.
    Token,
}

/// Request that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Reason for the refusal.
    pub why: RefusalReason,
    /// HTTP method: `POST`.
    pub method: Text<16>,
    /// Path of the request: `/api/segments`.
    pub path: Text<512>,
    /// Details in words.
    pub detail: Text<256>,
    /// Number of similar refusals that went unrecorded since the last recorded
    /// one. Sampling keeps a flood of requests from becoming a flood of events.
    #[serde(default)]
    pub unrecorded: u64,
}

/// Record of refusals on a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RefusalEvent {
    /// `request_refused.1`: a request was refused.
    Refused(Refusal),
}

const REFUSED: &str = "request_refused.1";

impl LoggedEvent for RefusalEvent {
    const TAGS: &'static [&'static str] = &[REFUSED];

    fn tag(&self) -> &'static str {
        REFUSED
    }

    fn data(&self) -> Box<RawValue> {
        let Self::Refused(refusal) = self;
        to_json(refusal)
    }

    fn decode(tag: &str, data: &str) -> Result<Self, DecodeError> {
        match tag {
            REFUSED => from_json(tag, data).map(Self::Refused),
            _ => Err(DecodeError::Unknown(tag.to_owned())),
        }
    }
}
