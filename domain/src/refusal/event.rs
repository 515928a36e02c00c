//! What was refused.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Text;
use crate::event::{DecodeError, LoggedEvent, from_json, to_json};

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RefusalReason {
    /// The credential's role may not do that.
    Role,
    /// What was to be signed has another signature, or an old one.
    Signature,
    /// A session's token was tampered with.
    Token,
}

/// A request that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Why.
    pub why: RefusalReason,
    /// What was to be done: `POST`.
    pub method: Text<16>,
    /// With what: `/api/segments`.
    pub path: Text<512>,
    /// In words.
    pub detail: Text<256>,
    /// How many like it went unrecorded since the last one that was recorded,
    /// so that a flood of requests is no flood of events.
    #[serde(default)]
    pub unrecorded: u64,
}

/// What happened on a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RefusalEvent {
    /// `request_refused.1`
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
