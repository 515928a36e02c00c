//! Events of API keys.

use serde::{Deserialize, Serialize};

use super::NewKey;
use crate::Timestamp;

/// Event of an API key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ApiKeyEvent {
    /// The key was created.
    #[serde(rename = "api_key_created.1")]
    Created(Box<NewKey>),
    /// The key was revoked.
    #[serde(rename = "api_key_revoked.1")]
    Revoked {},
    /// The key was used. Recorded at most once per
    /// [`USE_EVERY`](super::USE_EVERY).
    #[serde(rename = "api_key_used.1")]
    Used {
        /// Time of the use.
        at: Timestamp,
    },
}
