//! Records of refused requests.

use serde::{Deserialize, Serialize};

use crate::Text;

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
    /// one. Sampling bounds the number of events under many refused requests.
    #[serde(default)]
    pub unrecorded: u64,
}

/// Record of refusals on a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RefusalEvent {
    /// A request was refused.
    #[serde(rename = "request_refused.1")]
    Refused(Refusal),
}
