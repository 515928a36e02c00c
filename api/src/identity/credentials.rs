//! Authentication: turns the credential of a request into an [`Actor`].

use std::borrow::Cow;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue};
use commands::{CommandError, Commands, IdempotencyScope};
use domain::{ApiKey, KeyHash, KeyId, KeyRefusal, KeySecret, Role, Timestamp, User};

use super::config::SignInConfig;
use super::key::{self, Bootstrap};
use super::origins::AllowedOrigins;
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
    /// Scope of its idempotency keys.
    pub(crate) scope: IdempotencyScope,
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
        /// Hash of the secret that was presented.
        hash: KeyHash,
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

impl Credential {
    /// Returns the role that the credential has now, as its key or user is in the log. The
    /// age of a session token does not matter: an event stream outlives its token.
    pub(super) async fn role(
        &self,
        commands: &Commands,
        now: Timestamp,
    ) -> Result<Role, AuthenticationError> {
        match self {
            Self::Bootstrap => Ok(Role::Admin),
            Self::Key { id, hash, .. } => role_of_key(&read_key(commands, id).await?, hash, now),
            Self::Session { session, .. } => {
                let user = commands.user(&session.user).await;
                let user = user.map_err(AuthenticationError::Unavailable)?;
                role_of_session(&user.unwrap_or_default(), session, now)
            }
        }
    }
}

async fn read_key(commands: &Commands, id: &KeyId) -> Result<ApiKey, AuthenticationError> {
    let key = commands.api_key(id).await;
    let key = key.map_err(AuthenticationError::Unavailable)?;
    Ok(key.unwrap_or_default())
}

fn role_of_key(key: &ApiKey, hash: &KeyHash, now: Timestamp) -> Result<Role, AuthenticationError> {
    key.grants(hash, now).map_err(|refusal| match refusal {
        KeyRefusal::Unknown => unknown_credential(),
        KeyRefusal::Revoked | KeyRefusal::Expired => {
            AuthenticationError::Unauthenticated(refusal.to_string().into())
        }
    })
}

fn role_of_session(
    user: &User,
    session: &Session,
    now: Timestamp,
) -> Result<Role, AuthenticationError> {
    let role = user.session(&session.session, now);
    role.ok_or(AuthenticationError::Unauthenticated(
        "the session has ended".into(),
    ))
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
    /// Origins whose pages may use sessions.
    pub(super) origins: AllowedOrigins,
}

impl Credentials {
    /// Accepts the bootstrap key and sessions, each if configured, and pages of these
    /// origins.
    pub(crate) fn new(
        bootstrap_key: Option<&str>,
        sign_in: Option<SignInConfig>,
        origins: AllowedOrigins,
    ) -> Self {
        Self {
            bootstrap: Bootstrap::new(bootstrap_key),
            sign_in,
            origins,
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

    /// Rejects a write with a session cookie that a page of another origin caused, unless
    /// the origin is allowed.
    pub(super) fn check_site(&self, actor: &Actor, request: &Request) -> Result<(), Problem> {
        match (&actor.credential, &self.sign_in) {
            (Credential::Session { .. }, Some(sign_in)) => {
                let ours = sign_in.public_url.url();
                cross_site::check(request.method(), request.headers(), ours, &self.origins)
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
            let name = "key:bootstrap".into();
            return Ok(Actor {
                scope: IdempotencyScope::actor(&name),
                name,
                role: Role::Admin,
                credential: Credential::Bootstrap,
            });
        }
        let text = std::str::from_utf8(presented).unwrap_or_default();
        let Ok(secret) = KeySecret::from_str(text) else {
            return Err(unknown_credential());
        };
        let (id, hash) = (secret.id().clone(), secret.hash());
        let key = read_key(commands, &id).await?;
        let role = role_of_key(&key, &hash, now)?;
        let name = format!("key:{id}").into();
        Ok(Actor {
            scope: scope_of_key(&key, &name),
            name,
            role,
            credential: Credential::Key {
                id,
                hash,
                records_use: key.records_use(now),
            },
        })
    }
}

/// Returns the scope of a key's idempotency keys: its client. A key that was created
/// before clients had names had a scope of its own.
fn scope_of_key(key: &ApiKey, actor: &Arc<str>) -> IdempotencyScope {
    let Some(key) = key.key() else {
        return IdempotencyScope::actor(actor);
    };
    let scope = IdempotencyScope::client(key.content.client_name().as_str());
    match key.content.client {
        Some(_) => scope,
        None => scope.formerly(actor),
    }
}

async fn authenticate_session(
    sign_in: &SignInConfig,
    commands: &Commands,
    token: &str,
    now: Timestamp,
) -> Result<Actor, AuthenticationError> {
    let (session, age): (Session, _) = sign_in.session_keys.read(Purpose::Session, token)?;
    let name: Arc<str> = format!("user:{}", session.user).into();
    let credential = Credential::Session { session, age };
    let role = credential.role(commands, now).await?;
    Ok(Actor {
        scope: IdempotencyScope::actor(&name),
        name,
        role,
        credential,
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

#[cfg(test)]
mod tests {
    use domain::{MAX_SESSION, SessionId, UserId};
    use serde_json::json;

    use super::*;
    use crate::identity::session::SessionKeys;

    /// Returns a user with one session.
    fn user_with(role: &str, session: &Session, began: Timestamp) -> User {
        let identity = json!({
            "issuer": "https://accounts.example.com",
            "subject": "1",
            "email": "jo@example.com",
        });
        let sessions = json!({(session.session.to_string()): began});
        let state = json!({"identity": identity, "role": role, "sessions": sessions});
        serde_json::from_value(state).unwrap()
    }

    #[test]
    fn an_open_session_keeps_its_role_after_its_token_has_expired() {
        let keys: SessionKeys = "bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3IG5ldyE="
            .parse()
            .unwrap();
        let session = Session {
            user: UserId::from(1),
            session: SessionId::from(2),
        };
        let now = chrono::Utc::now();
        let began = now - Purpose::Session.lifetime() - Duration::from_secs(60);
        let token = keys.sign(Purpose::Session, &session, began.into()).unwrap();
        let read = keys.read::<Session>(Purpose::Session, &token);
        assert_eq!(read, Err(TokenRefusal::Expired));

        let user = user_with("viewer", &session, began.into());
        let role = |user: &User, at| role_of_session(user, &session, Timestamp::from(at)).ok();
        assert_eq!(role(&user, now), Some(Role::Viewer));
        assert_eq!(role(&user, began + MAX_SESSION), None, "it has expired");
        let promoted = user_with("admin", &session, began.into());
        assert_eq!(role(&promoted, now), Some(Role::Admin));
        let other = Session {
            session: SessionId::from(3),
            ..session.clone()
        };
        let signed_out = user_with("viewer", &other, began.into());
        assert_eq!(role(&signed_out, now), None, "it was ended");
    }
}
