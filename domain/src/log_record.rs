//! Records of operations on the log itself. They are plain records: no command
//! is decided on them.

use serde::{Deserialize, Serialize};

use crate::{Epoch, Text};

/// Record about the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogRecord {
    /// An operator accepted the log.
    #[serde(rename = "log_accepted.1")]
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
