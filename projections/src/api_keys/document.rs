//! What is known of an API key.

use bson::DateTime;
use domain::{KeyId, Role};
use serde::{Deserialize, Serialize};

/// A key as it is now. Nothing here lets anybody in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApiKeyDocument {
    /// Which.
    pub key_id: KeyId,
    /// What it is called.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// How its secret begins.
    pub prefix: String,
    /// When it was created.
    pub created_at: DateTime,
    /// On whose behalf.
    pub created_by: String,
    /// When it lets nobody in any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime>,
    /// When it was last seen to let somebody in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<DateTime>,
    /// When it was revoked, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<DateTime>,
    /// On whose behalf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_by: Option<String>,
}
