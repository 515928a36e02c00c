//! Users: people who sign in through a provider, their roles, and their open
//! sessions.

mod event;
mod identity;
mod sessions;
#[cfg(test)]
mod tests;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use event::{UserEvent, UserSignIn};
pub use identity::UserIdentity;
pub use sessions::{MAX_SESSION, MAX_SESSIONS, Sessions};

use crate::{Role, SessionId, Timestamp, UserRole};

/// Commands on a user. A command whose effect is already in place makes no
/// event.
#[derive(Debug, Clone)]
pub enum UserCommand {
    /// Signs the user in.
    SignIn {
        /// Identity, as asserted by the provider.
        identity: Box<UserIdentity>,
        /// Session to begin.
        session: SessionId,
        /// Role that the configuration grants; `None` grants no access.
        configured: UserRole,
        /// Time of the sign-in.
        at: Timestamp,
    },
    /// Ends one session.
    SignOut {
        /// Session to end.
        session: SessionId,
    },
    /// Ends all sessions.
    SignOutEverywhere,
    /// Gives the user a role that overrides the configured one. `None` locks
    /// the user out and ends all sessions.
    GiveRole {
        /// Role to give.
        role: UserRole,
    },
}

/// Reason why a command on a user is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// The user never signed in.
    #[error("there is no such user")]
    NotFound,
    /// Neither the configuration nor an admin grants the user a role.
    #[error("the user has no role")]
    NotInvited,
    /// An admin locked the user out.
    #[error("the user is locked out")]
    LockedOut,
}

/// User aggregate; empty until the first sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct User(Option<UserState>);

/// State of a user. Read for every request with a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct UserState {
    identity: UserIdentity,
    /// Current role.
    role: UserRole,
    /// Role that an admin gave, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    given: Option<UserRole>,
    sessions: Sessions,
}

impl User {
    /// Returns the identity from the last sign-in.
    pub fn identity(&self) -> Option<&UserIdentity> {
        self.0.as_ref().map(|state| &state.identity)
    }

    /// Returns the current role; `None` if the user never signed in.
    pub fn role(&self) -> Option<UserRole> {
        self.0.as_ref().map(|state| state.role)
    }

    /// Returns the role that a session grants now; `None` if the session was
    /// ended or has expired.
    pub fn session(&self, session: &SessionId, now: Timestamp) -> Option<Role> {
        let state = self.0.as_ref()?;
        let open = state.sessions.is_open(session, now);
        state.role.role().filter(|_| open)
    }

    /// Returns the event that a command makes, if it makes one.
    ///
    /// # Errors
    /// [`UserError`] if a rule rejects the command.
    pub fn decide(&self, command: UserCommand) -> Result<Option<UserEvent>, UserError> {
        let state = self.0.as_ref().ok_or(UserError::NotFound);
        match command {
            UserCommand::SignIn {
                identity,
                session,
                configured,
                at,
            } => {
                let sign_in = UserSignIn {
                    role: self.role_at_sign_in(configured)?,
                    identity: *identity,
                    session,
                    at,
                };
                let repeated = state.is_ok_and(|s| s.sessions.contains(&sign_in.session));
                Ok((!repeated).then(|| UserEvent::SignedIn(Box::new(sign_in))))
            }
            UserCommand::SignOut { session } => {
                let open = state?.sessions.contains(&session);
                Ok(open.then_some(UserEvent::SignedOut { session }))
            }
            UserCommand::SignOutEverywhere => {
                let open = !state?.sessions.is_empty();
                Ok(open.then_some(UserEvent::SignedOutEverywhere {}))
            }
            UserCommand::GiveRole { role } => {
                let state = state?;
                let same = state.given == Some(role) && state.role == role;
                Ok((!same).then_some(UserEvent::RoleGiven { role }))
            }
        }
    }

    /// Returns the role of a new session. A role given by an admin overrides
    /// the configuration, with one exception: a user whom the configuration
    /// names as an admin becomes an admin again, unless the user is locked out.
    fn role_at_sign_in(&self, configured: UserRole) -> Result<UserRole, UserError> {
        let given = self.0.as_ref().and_then(|state| state.given);
        match (given, configured) {
            (Some(UserRole::None), _) => Err(UserError::LockedOut),
            (_, UserRole::Admin) => Ok(UserRole::Admin),
            (Some(given), _) => Ok(given),
            (None, UserRole::None) => Err(UserError::NotInvited),
            (None, configured) => Ok(configured),
        }
    }
}

impl Aggregate for User {
    const TYPE: &'static str = "user";
    type Command = UserCommand;
    type Event = UserEvent;
    type Error = UserError;
    type Services = ();

    async fn handle(
        &mut self,
        command: UserCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), UserError> {
        if let Some(event) = self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: UserEvent) {
        match (&mut self.0, event) {
            (user, UserEvent::SignedIn(sign_in)) => {
                let before = user.take();
                let (given, sessions) = match before {
                    Some(state) => (state.given, state.sessions),
                    None => (None, Sessions::default()),
                };
                let mut state = UserState {
                    identity: sign_in.identity,
                    role: sign_in.role,
                    given,
                    sessions,
                };
                state.sessions.begin(sign_in.session, sign_in.at);
                *user = Some(state);
            }
            (Some(state), UserEvent::SignedOut { session }) => state.sessions.end(&session),
            (Some(state), UserEvent::SignedOutEverywhere {}) => state.sessions.end_all(),
            (Some(state), UserEvent::RoleGiven { role }) => {
                state.role = role;
                state.given = Some(role);
                if role == UserRole::None {
                    state.sessions.end_all();
                }
            }
            // The first event of a user is a sign-in, so this cannot happen.
            (None, _) => {}
        }
    }
}
