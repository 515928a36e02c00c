//! What every event says beside its content: who, when, and because of what.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// An event's metadata, as JSON in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// When it was recorded.
    pub at: Timestamp,
    /// On whose behalf: `key:bootstrap`.
    pub actor: String,
    /// The request that brought it; answers carry it as `X-Request-Id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// The position of the event that caused it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}
