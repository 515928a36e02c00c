//! Document of the view `api_keys`.

use bson::DateTime;
use domain::{KeyId, Role};
use serde::{Deserialize, Serialize};

/// The current state of an API key. Contains neither the secret nor its hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApiKeyDocument {
    /// Id of the key.
    pub key_id: KeyId,
    /// Name of the key.
    pub name: String,
    /// Role of the key.
    pub role: Role,
    /// First characters of the secret, to recognize the key.
    pub prefix: String,
    /// Time when the key was created.
    pub created_at: DateTime,
    /// Actor that created the key.
    pub created_by: String,
    /// Time when the key expires, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime>,
    /// Time of the last recorded use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<DateTime>,
    /// Time when the key was revoked, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<DateTime>,
    /// Actor that revoked the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_by: Option<String>,
}
