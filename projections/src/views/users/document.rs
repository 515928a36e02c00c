//! Document of the view `users`.

use bson::DateTime;
use domain::{SessionId, Sessions, Timestamp, UserId, UserRole};
use serde::{Deserialize, Serialize};

use crate::runtime::date::date;

/// The current state of a user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserDocument {
    /// Id of the user.
    pub user_id: UserId,
    /// Email address that the provider reported at the last sign-in.
    pub email: String,
    /// Name of the user, if the provider reported one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Issuer of the identity provider.
    pub issuer: String,
    /// Role of the user.
    pub role: UserRole,
    /// Role that an admin gave the user, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<GivenRole>,
    /// Time of the first sign-in.
    pub created_at: DateTime,
    /// Time of the last sign-in.
    pub last_signed_in_at: DateTime,
    /// Sessions that were not ended. Some may have expired.
    pub sessions: Vec<SessionDocument>,
}

/// A session of a user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionDocument {
    /// Id of the session.
    pub session_id: SessionId,
    /// Time when the session began.
    pub began_at: DateTime,
}

/// A role that an admin gave a user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GivenRole {
    /// Role that was given.
    pub role: UserRole,
    /// Time when the role was given.
    pub at: DateTime,
    /// Actor that gave the role.
    pub by: String,
}

impl UserDocument {
    /// Returns the sessions as a domain value.
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
