//! Routes below `/api/auth`: begin, show, and end a session.

mod link;
mod provider;
mod session;

use axum::extract::FromRef;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use commands::{Context, user_id};
use domain::{Email, SessionId, Text, UserIdentity, UserRole};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::config::SignInConfig;
use super::oidc::Person;
use super::session::{Purpose, Session};
use super::state::{IdentityContext, IdentityState};
use crate::http::problem::{Problem, ProblemKind};

pub(crate) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    IdentityState: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(provider::begin_sign_in))
        .routes(routes!(provider::complete_sign_in))
        .routes(routes!(link::sign_in_by_link))
        .routes(routes!(session::who_am_i))
        .routes(routes!(session::sign_out))
}

/// Begins a session if the user is admitted, and returns its cookie. A rejected
/// user is recorded as a refusal.
async fn begin_session(
    identity: &IdentityContext,
    sign_in: &SignInConfig,
    (context, path): (Context, &str),
    user: UserIdentity,
    configured: UserRole,
) -> Result<HeaderValue, Problem> {
    let session = Session {
        user: user_id(&user),
        session: SessionId::from(Uuid::now_v7().as_u128()),
    };
    let context = Context {
        actor: format!("user:{}", session.user),
        ..context
    };
    let id = session.session.clone();
    let begun = identity.commands.sign_in(&context, user, id, configured);
    match begun.await? {
        Ok(_) => sign_in.cookie(Purpose::Session, &session, context.now),
        Err(error) => {
            identity.journal.not_admitted(&context, "GET", path, &error);
            Err(not_admitted(&error))
        }
    }
}

fn identity_of(issuer: &str, person: Person) -> Result<UserIdentity, Problem> {
    let invalid = || sign_in_failed("the provider's issuer or subject is invalid");
    let email = Email::try_from(person.email);
    Ok(UserIdentity {
        issuer: Text::try_from(issuer.to_owned()).map_err(|_| invalid())?,
        subject: Text::try_from(person.subject).map_err(|_| invalid())?,
        email: email.map_err(|_| sign_in_failed("the provider's email address is invalid"))?,
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
        Err(_) => headers.insert(header::LOCATION, HeaderValue::from_static("/")),
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
