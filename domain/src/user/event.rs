//! Events of users.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Identity;
use crate::event::{
    DecodeError, LoggedEvent, NoContent, from_json, tag_name, tag_version, to_json,
};
use crate::{SessionId, Timestamp, UserRole};

/// Event of a user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum UserEvent {
    /// `user_signed_in.1`: the user signed in.
    SignedIn(Box<SignIn>),
    /// `user_signed_out.1`: one session ended.
    SignedOut {
        /// Session that ended.
        session: SessionId,
    },
    /// `user_signed_out_everywhere.1`: all sessions ended.
    SignedOutEverywhere {},
    /// `user_role_given.1`: an admin gave the user a role. `none` ended all
    /// sessions.
    RoleGiven {
        /// Role of the user from now on.
        role: UserRole,
    },
}

/// Sign-in of a user; the only event that holds the user's identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// Identity of the user.
    #[serde(flatten)]
    pub identity: Identity,
    /// Session that began.
    pub session: SessionId,
    /// Role of the user from now on.
    pub role: UserRole,
    /// Start time of the session.
    pub at: Timestamp,
}

const SIGNED_IN: &str = "user_signed_in.1";
const SIGNED_OUT: &str = "user_signed_out.1";
const SIGNED_OUT_EVERYWHERE: &str = "user_signed_out_everywhere.1";
const ROLE_GIVEN: &str = "user_role_given.1";

#[derive(Serialize, Deserialize)]
struct SessionData<S> {
    session: S,
}

#[derive(Serialize, Deserialize)]
struct RoleData {
    role: UserRole,
}

impl LoggedEvent for UserEvent {
    const TAGS: &'static [&'static str] =
        &[SIGNED_IN, SIGNED_OUT, SIGNED_OUT_EVERYWHERE, ROLE_GIVEN];

    fn tag(&self) -> &'static str {
        match self {
            Self::SignedIn(_) => SIGNED_IN,
            Self::SignedOut { .. } => SIGNED_OUT,
            Self::SignedOutEverywhere {} => SIGNED_OUT_EVERYWHERE,
            Self::RoleGiven { .. } => ROLE_GIVEN,
        }
    }

    fn data(&self) -> Box<RawValue> {
        match self {
            Self::SignedIn(sign_in) => to_json(sign_in),
            Self::SignedOut { session } => to_json(&SessionData { session }),
            Self::SignedOutEverywhere {} => to_json(&NoContent {}),
            Self::RoleGiven { role } => to_json(&RoleData { role: *role }),
        }
    }

    fn decode(tag: &str, data: &str) -> Result<Self, DecodeError> {
        match tag {
            SIGNED_IN => from_json(tag, data).map(Self::SignedIn),
            SIGNED_OUT => {
                from_json(tag, data).map(|SessionData { session }| Self::SignedOut { session })
            }
            SIGNED_OUT_EVERYWHERE => {
                from_json(tag, data).map(|NoContent {}| Self::SignedOutEverywhere {})
            }
            ROLE_GIVEN => from_json(tag, data).map(|RoleData { role }| Self::RoleGiven { role }),
            _ => Err(DecodeError::Unknown(tag.to_owned())),
        }
    }
}

impl DomainEvent for UserEvent {
    fn event_type(&self) -> String {
        tag_name(self.tag())
    }

    fn event_version(&self) -> String {
        tag_version(self.tag())
    }
}
