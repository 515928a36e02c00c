//! Who asks: credentials in, [`Actor`] out.
//!
//! A request shows a key (`key`) or a session's cookie (`session`, `cookie`).
//! Both name an aggregate whose head decides, so that what is revoked or
//! signed out is so at once in every process. `sign_in` has the routes by which
//! a session begins and ends, `oidc` the provider that says who somebody is,
//! `admission` whom the configuration lets in, `local` the link for a machine
//! without a provider. What an actor may do is in [`crate::access`].

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
use crate::problem::{Problem, ProblemKind};

/// From which age on a token is renewed.
const RENEW_AFTER: Duration = Duration::from_secs(5 * 60);

/// How people sign in.
#[derive(Debug)]
pub struct SignIn {
    /// What sessions are signed with.
    pub session_keys: SessionKeys,
    /// Where browsers find the API.
    pub public_url: PublicUrl,
    /// Who says who somebody is, if anybody does.
    pub provider: Option<Provider>,
    /// Whom to let in.
    pub admission: Admission,
    /// A link for a local admin.
    pub local: Option<LocalLink>,
}

/// On whose behalf a request is. Every request beyond [`crate::access::guard`]
/// that needs a credential has one.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    /// As events and the audit trail name it: `user:usr_…`, `key:key_…`,
    /// `key:bootstrap`.
    pub(crate) name: Arc<str>,
    /// What it may do.
    pub(crate) role: Role,
    /// What it showed.
    pub(crate) credential: Credential,
}

/// What a request was let in with.
#[derive(Debug, Clone)]
pub(crate) enum Credential {
    /// The key that the configuration names.
    Bootstrap,
    /// A key.
    Key {
        /// Which.
        id: KeyId,
        /// Whether this use of it is to be recorded.
        records_use: bool,
    },
    /// A session's cookie.
    Session {
        /// Whose.
        session: Session,
        /// How old its token is.
        age: Duration,
    },
}

/// Why a request is nobody's.
#[derive(Debug)]
pub(crate) enum Denied {
    /// It shows nothing that is known.
    Nobody(Cow<'static, str>),
    /// It shows a token that somebody has tampered with.
    Tampered(Cow<'static, str>),
    /// Nobody knows: Redis does not answer.
    Away(CommandError),
}

/// What requests are let in with.
pub(crate) struct Credentials {
    bootstrap: Bootstrap,
    sign_in: Option<SignIn>,
}

impl Credentials {
    /// With this bootstrap key, if there is one; by sign-in, if that is set up.
    pub(crate) fn new(bootstrap_key: Option<&str>, sign_in: Option<SignIn>) -> Self {
        Self {
            bootstrap: Bootstrap::new(bootstrap_key),
            sign_in,
        }
    }

    /// Who asks. A key counts, if one is shown, and the cookie only else.
    pub(crate) async fn actor(
        &self,
        commands: &Commands,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<Actor, Denied> {
        if let Some(key) = key::presented(headers) {
            return self.by_key(commands, key, now).await;
        }
        let token = cookie::token(headers, Purpose::Session);
        match (&self.sign_in, token) {
            (Some(sign_in), Some(token)) => by_session(sign_in, commands, &token, now).await,
            _ => Err(unknown()),
        }
    }

    /// That an actor's write is not another site's.
    pub(crate) fn check_site(&self, actor: &Actor, request: &Request) -> Result<(), Problem> {
        match (&actor.credential, &self.sign_in) {
            (Credential::Session { .. }, Some(sign_in)) => {
                let ours = sign_in.public_url.url();
                cross_site::check(request.method(), request.headers(), ours)
            }
            _ => Ok(()),
        }
    }

    /// A cookie with a younger token, if the actor's is getting old.
    pub(crate) fn renewed(&self, actor: &Actor, now: Timestamp) -> Option<HeaderValue> {
        match (&actor.credential, &self.sign_in) {
            (Credential::Session { session, age }, Some(sign_in)) if *age >= RENEW_AFTER => {
                sign_in.cookie(session, now).ok()
            }
            _ => None,
        }
    }

    /// Takes a session's cookie away that is of no use any more.
    pub(crate) fn forgotten(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let sign_in = self.sign_in.as_ref()?;
        cookie::token(headers, Purpose::Session)?;
        let secure = sign_in.public_url.is_secure();
        Some(cookie::remove(Purpose::Session, secure))
    }

    async fn by_key(
        &self,
        commands: &Commands,
        presented: &[u8],
        now: Timestamp,
    ) -> Result<Actor, Denied> {
        if self.bootstrap.is(presented) {
            return Ok(Actor {
                name: "key:bootstrap".into(),
                role: Role::Admin,
                credential: Credential::Bootstrap,
            });
        }
        let text = std::str::from_utf8(presented).unwrap_or_default();
        let Ok(secret) = KeySecret::from_str(text) else {
            return Err(unknown());
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
        Err(KeyRefusal::Unknown) => Err(unknown()),
        Err(refusal) => Err(Denied::Nobody(refusal.to_string().into())),
    }
}

async fn by_session(
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
        TokenRefusal::Expired | TokenRefusal::OtherKey => Denied::Nobody(detail),
        TokenRefusal::Tampered => Denied::Tampered(detail),
    }
}

fn unknown() -> Denied {
    let detail = "the request needs a known key, as `Authorization: Bearer KEY`, or a session";
    Denied::Nobody(detail.into())
}

/// What is said to a request that was to have an actor, and has none.
pub(crate) fn unauthenticated() -> Problem {
    unknown().into()
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
