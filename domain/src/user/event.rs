//! Events of users.

use serde::{Deserialize, Serialize};

use super::UserIdentity;
use crate::{SessionId, Timestamp, UserRole};

/// Event of a user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum UserEvent {
    /// The user signed in.
    #[serde(rename = "user_signed_in.1")]
    SignedIn(Box<UserSignIn>),
    /// One session ended.
    #[serde(rename = "user_signed_out.1")]
    SignedOut {
        /// Session that ended.
        session: SessionId,
    },
    /// All sessions ended.
    #[serde(rename = "user_signed_out_everywhere.1")]
    SignedOutEverywhere {},
    /// An admin gave the user a role. `none` ended all sessions.
    #[serde(rename = "user_role_given.1")]
    RoleGiven {
        /// Role of the user from now on.
        role: UserRole,
    },
}

/// Sign-in of a user; the only event that holds the user's identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSignIn {
    /// Identity of the user.
    #[serde(flatten)]
    pub identity: UserIdentity,
    /// Session that began.
    pub session: SessionId,
    /// Role of the user from now on.
    pub role: UserRole,
    /// Start time of the session.
    pub at: Timestamp,
}
