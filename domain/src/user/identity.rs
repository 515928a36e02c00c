//! Identity of a user.

use serde::{Deserialize, Serialize};

use crate::{Email, Text};

/// Identity of a user, as asserted by their provider. Issuer and subject
/// identify the user; the other fields may change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserIdentity {
    /// Issuer URL of the provider: `https://accounts.google.com`.
    pub issuer: Text<512>,
    /// Id of the user at the provider.
    pub subject: Text<255>,
    /// Email address, verified by the provider.
    pub email: Email,
    /// Display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text<256>>,
}
