//! What is known of a user.

use bson::DateTime;
use domain::{SessionId, Sessions, Timestamp, UserId, UserRole};
use serde::{Deserialize, Serialize};

use crate::date::date;

/// A user as they are now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserDocument {
    /// Who.
    pub user_id: UserId,
    /// Their address, as the provider said at the last sign-in.
    pub email: String,
    /// What they are called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The provider.
    pub issuer: String,
    /// What they may do.
    pub role: UserRole,
    /// What an admin gave them, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<GivenRole>,
    /// When they first signed in.
    pub created_at: DateTime,
    /// When they last signed in.
    pub last_signed_in_at: DateTime,
    /// Those that were not ended; some may be over.
    pub sessions: Vec<SessionDocument>,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionDocument {
    /// Which.
    pub session_id: SessionId,
    /// When it began.
    pub began_at: DateTime,
}

/// A role that an admin gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GivenRole {
    /// Which.
    pub role: UserRole,
    /// When.
    pub at: DateTime,
    /// On whose behalf.
    pub by: String,
}

impl UserDocument {
    /// Their sessions, as the user has them.
    pub fn sessions(&self) -> Sessions {
        let began = |session: &SessionDocument| Timestamp::from(session.began_at.to_chrono());
        let sessions = self.sessions.iter();
        sessions
            .map(|session| (session.session_id.clone(), began(session)))
            .collect()
    }

    pub(super) fn set_sessions(&mut self, sessions: &Sessions) {
        let document = |(id, began): (&SessionId, Timestamp)| SessionDocument {
            session_id: id.clone(),
            began_at: date(began),
        };
        self.sessions = sessions.iter().map(document).collect();
    }
}
