//! Authentication: turns the credential of a request into an [`Actor`].

use std::borrow::Cow;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue};
use commands::{CommandError, Commands};
use domain::{KeyId, KeyRefusal, KeySecret, Role, Timestamp};

use super::config::SignInConfig;
use super::key::{self, Bootstrap};
use super::session::{Purpose, Session, TokenRefusal};
use super::{cookie, cross_site};
use crate::http::problem::{Problem, ProblemKind};

/// Age at which a session token is renewed.
const RENEW_AFTER: Duration = Duration::from_secs(5 * 60);

/// Authenticated identity that a request acts for. Every request that needs a
/// credential has one after [`super::access::guard`].
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    /// Name in events and the audit trail: `user:usr_…`, `key:key_…`, or
    /// `key:bootstrap`.
    pub(crate) name: Arc<str>,
    /// Role that determines its permissions.
    pub(crate) role: Role,
    /// Credential that the request presented.
    pub(crate) credential: Credential,
}

/// Credential that authenticated a request.
#[derive(Debug, Clone)]
pub(crate) enum Credential {
    /// Bootstrap key of the configuration.
    Bootstrap,
    /// API key.
    Key {
        /// Id of the key.
        id: KeyId,
        /// `true` if this use of the key has to be recorded.
        records_use: bool,
    },
    /// Session cookie.
    Session {
        /// The session and its user.
        session: Session,
        /// Age of the session token.
        age: Duration,
    },
}

/// Reason why a request is not authenticated.
#[derive(Debug)]
pub(super) enum AuthenticationError {
    /// The request has no valid credential.
    Unauthenticated(Cow<'static, str>),
    /// The request has a session token that was tampered with.
    Tampered(Cow<'static, str>),
    /// The credential cannot be checked, since Redis does not answer.
    Unavailable(CommandError),
}

/// Credentials that this process accepts.
pub(crate) struct Credentials {
    bootstrap: Bootstrap,
    pub(super) sign_in: Option<SignInConfig>,
}

impl Credentials {
    /// Accepts the bootstrap key and sessions, each if configured.
    pub(crate) fn new(bootstrap_key: Option<&str>, sign_in: Option<SignInConfig>) -> Self {
        Self {
            bootstrap: Bootstrap::new(bootstrap_key),
            sign_in,
        }
    }

    /// Authenticates a request. A key takes precedence over a cookie, even if it
    /// is invalid.
    pub(super) async fn authenticate(
        &self,
        commands: &Commands,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<Actor, AuthenticationError> {
        if let Some(key) = key::presented(headers) {
            return self.authenticate_key(commands, key, now).await;
        }
        let token = cookie::token(headers, Purpose::Session);
        match (&self.sign_in, token) {
            (Some(sign_in), Some(token)) => {
                authenticate_session(sign_in, commands, &token, now).await
            }
            _ => Err(unknown_credential()),
        }
    }

    /// Rejects a write with a session cookie that another site caused.
    pub(super) fn check_site(&self, actor: &Actor, request: &Request) -> Result<(), Problem> {
        match (&actor.credential, &self.sign_in) {
            (Credential::Session { .. }, Some(sign_in)) => {
                let ours = sign_in.public_url.url();
                cross_site::check(request.method(), request.headers(), ours)
            }
            _ => Ok(()),
        }
    }

    /// Returns a cookie with a new token if the actor's token is old.
    pub(super) fn renewed_cookie(&self, actor: &Actor, now: Timestamp) -> Option<HeaderValue> {
        match (&actor.credential, &self.sign_in) {
            (Credential::Session { session, age }, Some(sign_in)) if *age >= RENEW_AFTER => {
                sign_in.cookie(Purpose::Session, session, now).ok()
            }
            _ => None,
        }
    }

    /// Returns a header that removes the request's session cookie, if it has one.
    pub(super) fn removed_cookie(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let sign_in = self.sign_in.as_ref()?;
        cookie::token(headers, Purpose::Session)?;
        Some(sign_in.removal_cookie(Purpose::Session))
    }

    async fn authenticate_key(
        &self,
        commands: &Commands,
        presented: &[u8],
        now: Timestamp,
    ) -> Result<Actor, AuthenticationError> {
        if self.bootstrap.matches(presented) {
            return Ok(Actor {
                name: "key:bootstrap".into(),
                role: Role::Admin,
                credential: Credential::Bootstrap,
            });
        }
        let text = std::str::from_utf8(presented).unwrap_or_default();
        let Ok(secret) = KeySecret::from_str(text) else {
            return Err(unknown_credential());
        };
        let id = secret.id().clone();
        let key = commands.api_key(&id).await;
        let key = key.map_err(AuthenticationError::Unavailable)?;
        let key = key.unwrap_or_default();
        match key.grants(&secret.hash(), now) {
            Ok(role) => Ok(Actor {
                name: format!("key:{id}").into(),
                role,
                credential: Credential::Key {
                    id,
                    records_use: key.records_use(now),
                },
            }),
            Err(KeyRefusal::Unknown) => Err(unknown_credential()),
            Err(refusal) => Err(AuthenticationError::Unauthenticated(
                refusal.to_string().into(),
            )),
        }
    }
}

async fn authenticate_session(
    sign_in: &SignInConfig,
    commands: &Commands,
    token: &str,
    now: Timestamp,
) -> Result<Actor, AuthenticationError> {
    let (session, age): (Session, _) = sign_in.session_keys.read(Purpose::Session, token)?;
    let user = commands.user(&session.user).await;
    let user = user.map_err(AuthenticationError::Unavailable)?;
    let role = user.and_then(|user| user.session(&session.session, now));
    let Some(role) = role else {
        let detail = "the session has ended".into();
        return Err(AuthenticationError::Unauthenticated(detail));
    };
    Ok(Actor {
        name: format!("user:{}", session.user).into(),
        role,
        credential: Credential::Session { session, age },
    })
}

impl From<TokenRefusal> for AuthenticationError {
    fn from(refusal: TokenRefusal) -> Self {
        let detail = refusal.to_string().into();
        match refusal {
            TokenRefusal::Expired | TokenRefusal::UnknownKey => Self::Unauthenticated(detail),
            TokenRefusal::Tampered => Self::Tampered(detail),
        }
    }
}

fn unknown_credential() -> AuthenticationError {
    let detail = "the request needs a valid key, as `Authorization: Bearer KEY`, or a session";
    AuthenticationError::Unauthenticated(detail.into())
}

/// Returns the problem of a request that needs an actor and has none.
pub(crate) fn unauthenticated() -> Problem {
    unknown_credential().into()
}

impl From<AuthenticationError> for Problem {
    fn from(error: AuthenticationError) -> Self {
        match error {
            AuthenticationError::Unauthenticated(detail)
            | AuthenticationError::Tampered(detail) => {
                Self::new(ProblemKind::Unauthenticated, detail)
            }
            AuthenticationError::Unavailable(error) => error.into(),
        }
    }
}
