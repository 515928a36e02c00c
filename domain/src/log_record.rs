//! Records of operations on the log itself. They are plain records: no command
//! is decided on them.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::event::{DecodeError, LoggedEvent, from_json, to_json};
use crate::{Epoch, Text};

/// Record about the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogRecord {
    /// `log_accepted.1`: an operator accepted the log.
    Accepted(Acceptance),
}

/// Acceptance of the log by an operator, for example of a restored copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// Reason, in the operator's words.
    pub reason: Text<512>,
    /// Epoch of the log before the acceptance, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Epoch>,
    /// End of the log when it was accepted: `0:12,1:7`.
    pub end: String,
}

const ACCEPTED: &str = "log_accepted.1";

impl LoggedEvent for LogRecord {
    const TAGS: &'static [&'static str] = &[ACCEPTED];

    fn tag(&self) -> &'static str {
        ACCEPTED
    }

    fn data(&self) -> Box<RawValue> {
        let Self::Accepted(acceptance) = self;
        to_json(acceptance)
    }

    fn decode(tag: &str, data: &str) -> Result<Self, DecodeError> {
        match tag {
            ACCEPTED => from_json(tag, data).map(Self::Accepted),
            _ => Err(DecodeError::Unknown(tag.to_owned())),
        }
    }
}
