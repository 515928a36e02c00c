//! What a key says.

use serde::{Deserialize, Serialize};

use super::KeyHash;
use crate::{Role, Text, Timestamp};

/// What a key is created with by whoever wants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyContent {
    /// What it is called.
    pub name: Text<200>,
    /// What it may do.
    pub role: Role,
    /// When it lets nobody in any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl KeyContent {
    /// Whether its time is over.
    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }
}

/// A key's content, and what is kept of its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewKey {
    /// What it says.
    #[serde(flatten)]
    pub content: KeyContent,
    /// Tells its secret from all others.
    pub hash: KeyHash,
    /// How its secret begins, for people to recognise it by.
    pub prefix: Text<32>,
}
