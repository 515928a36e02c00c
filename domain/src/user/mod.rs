//! Users: people who sign in at a provider, what they may do, and the sessions
//! they have open.

mod event;
mod identity;
mod sessions;
#[cfg(test)]
mod tests;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use event::{SignIn, UserEvent};
pub use identity::Identity;
pub use sessions::{MAX_SESSION, MAX_SESSIONS, Sessions};

use crate::{Role, SessionId, Timestamp, UserRole};

/// What may be asked of a user. What is already so is no event.
#[derive(Debug, Clone)]
pub enum UserCommand {
    /// To be signed in.
    SignIn {
        /// Who they are, as the provider says.
        identity: Box<Identity>,
        /// The session that begins.
        session: SessionId,
        /// What the configuration gives them: a role, or none, no way in.
        configured: UserRole,
        /// When.
        at: Timestamp,
    },
    /// To end this session.
    SignOut {
        /// Which.
        session: SessionId,
    },
    /// To end all sessions.
    SignOutEverywhere,
    /// To have this role, whatever the configuration gives. `None` locks out,
    /// and ends all sessions.
    GiveRole {
        /// Which.
        role: UserRole,
    },
}

/// Why a command on a user is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// They never signed in.
    #[error("there is no such user")]
    NotFound,
    /// Neither the configuration nor an admin gives them a role.
    #[error("nobody gave this user a role")]
    NotInvited,
    /// An admin took every role from them.
    #[error("the user is locked out")]
    LockedOut,
}

/// A user as they stand: nothing until they signed in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct User(Option<State>);

/// Read at every request with a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    identity: Identity,
    /// What they may do.
    role: UserRole,
    /// What an admin gave, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    given: Option<UserRole>,
    sessions: Sessions,
}

impl User {
    /// Who they are, as the provider said at the last sign-in.
    pub fn identity(&self) -> Option<&Identity> {
        self.0.as_ref().map(|state| &state.identity)
    }

    /// What they may do.
    pub fn role(&self) -> Option<UserRole> {
        self.0.as_ref().map(|state| state.role)
    }

    /// What whoever holds this session may do now: nothing if it was ended or
    /// is over.
    pub fn session(&self, session: &SessionId, now: Timestamp) -> Option<Role> {
        let state = self.0.as_ref()?;
        let open = state.sessions.is_open(session, now);
        state.role.role().filter(|_| open)
    }

    /// The event that this command makes, if it makes one.
    ///
    /// # Errors
    /// [`UserError`], if a rule is against it.
    pub fn decide(&self, command: UserCommand) -> Result<Option<UserEvent>, UserError> {
        let state = self.0.as_ref().ok_or(UserError::NotFound);
        match command {
            UserCommand::SignIn {
                identity,
                session,
                configured,
                at,
            } => {
                let sign_in = SignIn {
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

    /// What an admin gave counts for more than what the configuration gives,
    /// but that it names admins: one whose role was taken down has it again at
    /// the next sign-in, unless they are locked out.
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

impl State {
    fn give(&mut self, role: UserRole) {
        self.role = role;
        self.given = Some(role);
        if role == UserRole::None {
            self.sessions.end_all();
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
                let mut state = State {
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
            (Some(state), UserEvent::RoleGiven { role }) => state.give(role),
            // The first event of a user is a sign-in.
            (None, _) => {}
        }
    }
}
