//! Authentication: turns the credential of a request into an [`Actor`].
//!
//! A request presents an API key (`key`) or a session cookie (`session`,
//! `cookie`). Both refer to an aggregate whose head decides, so that a
//! revocation or a sign-out takes effect in every process at once. `sign_in` has
//! the routes that begin and end a session, `oidc` the client of the identity
//! provider, `admission` the users whom the configuration admits, and `local`
//! the one-time link for a machine without a provider. The permissions of an
//! actor are in [`crate::access`].

mod admission;
pub(crate) mod cookie;
mod cross_site;
mod key;
mod local;
mod oidc;
mod public_url;
mod session;
pub(crate) mod sign_in;

use std::borrow::Cow;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue};
use commands::{CommandError, Commands};
use domain::{ApiKey, KeyHash, KeyId, KeyRefusal, KeySecret, Role, Timestamp};

pub use self::admission::{Admission, AdmissionError};
use self::key::Bootstrap;
pub use self::local::LocalLink;
pub use self::oidc::{Provider, ProviderError};
pub use self::public_url::{PublicUrl, PublicUrlError};
use self::session::TokenRefusal;
pub(crate) use self::session::{Purpose, Session};
pub use self::session::{SessionKeyError, SessionKeys};
use crate::http::problem::{Problem, ProblemKind};

/// Age at which a session token is renewed.
const RENEW_AFTER: Duration = Duration::from_secs(5 * 60);

/// Configuration of sign-in.
#[derive(Debug)]
pub struct SignIn {
    /// Keys that sign session tokens.
    pub session_keys: SessionKeys,
    /// URL of the API as browsers see it.
    pub public_url: PublicUrl,
    /// Identity provider; `None` if there is none.
    pub provider: Option<Provider>,
    /// Users whom the configuration admits.
    pub admission: Admission,
    /// One-time link for a local admin; `None` if there is none.
    pub local: Option<LocalLink>,
}

/// Authenticated identity that a request acts for. Every request that needs a
/// credential has one after [`crate::access::guard`].
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
pub(crate) enum Denied {
    /// The request has no valid credential.
    Nobody(Cow<'static, str>),
    /// The request has a session token that was tampered with.
    Tampered(Cow<'static, str>),
    /// The credential cannot be checked, since Redis does not answer.
    Away(CommandError),
}

/// Credentials that this process accepts.
pub(crate) struct Credentials {
    bootstrap: Bootstrap,
    sign_in: Option<SignIn>,
}

impl Credentials {
    /// Accepts the bootstrap key and sessions, each if configured.
    pub(crate) fn new(bootstrap_key: Option<&str>, sign_in: Option<SignIn>) -> Self {
        Self {
            bootstrap: Bootstrap::new(bootstrap_key),
            sign_in,
        }
    }

    /// Authenticates a request. A key takes precedence over a cookie, even if it
    /// is invalid.
    pub(crate) async fn actor(
        &self,
        commands: &Commands,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<Actor, Denied> {
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
    pub(crate) fn check_site(&self, actor: &Actor, request: &Request) -> Result<(), Problem> {
        match (&actor.credential, &self.sign_in) {
            (Credential::Session { .. }, Some(sign_in)) => {
                let ours = sign_in.public_url.url();
                cross_site::check(request.method(), request.headers(), ours)
            }
            _ => Ok(()),
        }
    }

    /// Returns a cookie with a new token if the actor's token is old.
    pub(crate) fn renewed(&self, actor: &Actor, now: Timestamp) -> Option<HeaderValue> {
        match (&actor.credential, &self.sign_in) {
            (Credential::Session { session, age }, Some(sign_in)) if *age >= RENEW_AFTER => {
                sign_in.cookie(session, now).ok()
            }
            _ => None,
        }
    }

    /// Returns a header that removes the request's session cookie, if it has one.
    pub(crate) fn forgotten(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let sign_in = self.sign_in.as_ref()?;
        cookie::token(headers, Purpose::Session)?;
        let secure = sign_in.public_url.is_secure();
        Some(cookie::remove(Purpose::Session, secure))
    }

    async fn authenticate_key(
        &self,
        commands: &Commands,
        presented: &[u8],
        now: Timestamp,
    ) -> Result<Actor, Denied> {
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
        let key = commands.api_key(&id).await.map_err(Denied::Away)?;
        granted(id, key.unwrap_or_default(), &secret.hash(), now)
    }
}

fn granted(id: KeyId, key: ApiKey, hash: &KeyHash, now: Timestamp) -> Result<Actor, Denied> {
    match key.grants(hash, now) {
        Ok(role) => Ok(Actor {
            name: format!("key:{id}").into(),
            role,
            credential: Credential::Key {
                id,
                records_use: key.records_use(now),
            },
        }),
        Err(KeyRefusal::Unknown) => Err(unknown_credential()),
        Err(refusal) => Err(Denied::Nobody(refusal.to_string().into())),
    }
}

async fn authenticate_session(
    sign_in: &SignIn,
    commands: &Commands,
    token: &str,
    now: Timestamp,
) -> Result<Actor, Denied> {
    let read = sign_in.session_keys.read(Purpose::Session, token);
    let (session, age): (Session, _) = read.map_err(refused)?;
    let user = commands.user(&session.user).await.map_err(Denied::Away)?;
    let role = user.and_then(|user| user.session(&session.session, now));
    let Some(role) = role else {
        return Err(Denied::Nobody("the session has ended".into()));
    };
    Ok(Actor {
        name: format!("user:{}", session.user).into(),
        role,
        credential: Credential::Session { session, age },
    })
}

fn refused(refusal: TokenRefusal) -> Denied {
    let detail = refusal.to_string().into();
    match refusal {
        TokenRefusal::Expired | TokenRefusal::UnknownKey => Denied::Nobody(detail),
        TokenRefusal::Tampered => Denied::Tampered(detail),
    }
}

fn unknown_credential() -> Denied {
    let detail = "the request needs a valid key, as `Authorization: Bearer KEY`, or a session";
    Denied::Nobody(detail.into())
}

/// Returns the problem of a request that needs an actor and has none.
pub(crate) fn unauthenticated() -> Problem {
    unknown_credential().into()
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Nobody(detail) | Denied::Tampered(detail) => {
                Self::new(ProblemKind::Unauthenticated, detail)
            }
            Denied::Away(error) => error.into(),
        }
    }
}
