//! Content of an API key.

use serde::{Deserialize, Serialize};

use super::KeyHash;
use crate::digest::digest;
use crate::{Role, Text, Timestamp};

/// Client-chosen content of an API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyContent {
    /// Display name.
    pub name: Text<200>,
    /// Role that the key grants.
    pub role: Role,
    /// Time from which the key is no longer accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Name of the program that uses the key, which outlives the key. Absent from
    /// keys that were created before clients had names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Text<200>>,
}

impl KeyContent {
    /// Returns the name of the program that uses the key: `client`, or else the key's
    /// own name.
    pub fn client_name(&self) -> &Text<200> {
        self.client.as_ref().unwrap_or(&self.name)
    }

    /// Returns the digest of a creation with this content. A client that is named like
    /// the key is the same as no client, so that a creation can be repeated even if it
    /// was recorded before clients had names.
    pub(super) fn creation_digest(&self) -> u64 {
        let client = self.client.clone().filter(|client| *client != self.name);
        digest(&Self {
            client,
            ..self.clone()
        })
    }

    /// Returns whether the key has expired at `now`.
    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }
}

/// Content of a new key, and the stored hash and prefix of its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewKey {
    /// Client-chosen content.
    #[serde(flatten)]
    pub content: KeyContent,
    /// Hash of the secret, which the presented secret is compared with.
    pub hash: KeyHash,
    /// Beginning of the secret, by which people recognize the key.
    pub prefix: Text<32>,
}
