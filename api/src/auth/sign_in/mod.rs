//! Routes below `/api/auth`: begin, show, and end a session.

mod link;
mod provider;
mod session;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use commands::{Context, user_id};
use domain::{Email, SessionId, Text, Timestamp, UserIdentity, UserRole};
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use super::oidc::Person;
use super::{Purpose, Session, SignIn, cookie};
use crate::http::problem::{Problem, ProblemKind};
use crate::state::{AppContext, AppState};

/// Default destination after a sign-in.
const HOME: &str = "/docs/";

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(provider::routes())
        .merge(link::routes())
        .merge(session::routes())
}

impl SignIn {
    /// Returns the cookie of a session, with a token that is valid from `now`.
    pub(super) fn cookie(&self, session: &Session, now: Timestamp) -> Result<HeaderValue, Problem> {
        let token = self.session_keys.sign(Purpose::Session, session, now);
        let token = token.map_err(|error| not_signed(&error))?;
        let secure = self.public_url.is_secure();
        Ok(cookie::set(Purpose::Session, token, secure))
    }
}

/// Begins a session if the user is admitted, and returns its cookie. A rejected
/// user is recorded as a refusal.
async fn begin_session(
    app: &AppContext,
    sign_in: &SignIn,
    (context, path): (Context, &str),
    identity: UserIdentity,
    configured: UserRole,
) -> Result<HeaderValue, Problem> {
    let session = Session {
        user: user_id(&identity),
        session: SessionId::from(Uuid::now_v7().as_u128()),
    };
    let context = Context {
        actor: format!("user:{}", session.user),
        ..context
    };
    let id = session.session.clone();
    let begun = app.commands.sign_in(&context, identity, id, configured);
    match begun.await? {
        Ok(_) => sign_in.cookie(&session, context.now),
        Err(error) => {
            app.journal.not_admitted(&context, "GET", path, &error);
            Err(not_admitted(&error))
        }
    }
}

fn identity(issuer: &str, person: Person) -> Result<UserIdentity, Problem> {
    let invalid = || sign_in_failed("the provider's issuer or subject is invalid");
    let email = Email::try_from(person.email);
    Ok(UserIdentity {
        issuer: Text::try_from(issuer.to_owned()).map_err(|_| invalid())?,
        subject: Text::try_from(person.subject).map_err(|_| invalid())?,
        email: email.map_err(|_| sign_in_failed("the provider's e-mail address is invalid"))?,
        // An invalid name is dropped: it is for display only.
        name: person.name.and_then(|name| Text::try_from(name).ok()),
    })
}

/// Redirects to a location, and sets a cookie.
fn redirect(location: &str, cookie: HeaderValue) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    match HeaderValue::try_from(location) {
        Ok(location) => headers.insert(header::LOCATION, location),
        Err(_) => headers.insert(header::LOCATION, HeaderValue::from_static(HOME)),
    };
    headers.append(header::SET_COOKIE, cookie);
    response
}

fn not_set_up(what: &str) -> Problem {
    let detail = format!("sign-in by {what} is not configured");
    Problem::new(ProblemKind::NotFound, detail)
}

fn sign_in_failed(reason: &str) -> Problem {
    let detail = format!("{reason}; start again at /api/auth/google");
    Problem::new(ProblemKind::SignInFailed, detail)
}

fn not_admitted(reason: &dyn std::error::Error) -> Problem {
    Problem::new(ProblemKind::NotAdmitted, reason.to_string())
}

fn not_signed(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "a token could not be signed");
    Problem::internal()
}
