//! Who a user is.

use serde::{Deserialize, Serialize};

use crate::{Email, Text};

/// Who a user is, as their provider says. Issuer and subject tell people
/// apart; the rest may change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The provider: `https://accounts.google.com`.
    pub issuer: Text<512>,
    /// What the provider calls them.
    pub subject: Text<255>,
    /// Their e-mail address, as the provider verified it.
    pub email: Email,
    /// What they are called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text<256>>,
}
