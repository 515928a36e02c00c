//! `/api/auth/*`: how a session begins, whose it is, how it ends.

mod link;
mod provider;
mod session;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use commands::{Context, user_id};
use domain::{Email, Identity, SessionId, Text, Timestamp, UserRole};
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use super::oidc::Person;
use super::{Purpose, Session, SignIn, cookie};
use crate::problem::{Problem, ProblemKind};
use crate::state::{AppState, Shared};

/// Where somebody goes who did not say.
const HOME: &str = "/docs/";

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(provider::routes())
        .merge(link::routes())
        .merge(session::routes())
}

impl SignIn {
    /// The cookie of a session, from now on.
    pub(super) fn cookie(&self, session: &Session, now: Timestamp) -> Result<HeaderValue, Problem> {
        let token = self.session_keys.sign(Purpose::Session, session, now);
        let token = token.map_err(|error| unsigned(&error))?;
        let secure = self.public_url.is_secure();
        Ok(cookie::set(Purpose::Session, token, secure))
    }
}

/// Begins a session, if the user may have one; its cookie.
async fn let_in(
    app: &Shared,
    sign_in: &SignIn,
    (context, path): (Context, &str),
    identity: Identity,
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

fn identity(issuer: &str, person: Person) -> Result<Identity, Problem> {
    let odd = || failed("the provider's names are longer than they may be");
    let email = Email::try_from(person.email);
    Ok(Identity {
        issuer: Text::try_from(issuer.to_owned()).map_err(|_| odd())?,
        subject: Text::try_from(person.subject).map_err(|_| odd())?,
        email: email.map_err(|_| failed("the provider's e-mail address is none"))?,
        // A name that is no name is no reason to keep somebody out.
        name: person.name.and_then(|name| Text::try_from(name).ok()),
    })
}

/// To a place, with a cookie.
fn go(place: &str, set: HeaderValue) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    match HeaderValue::try_from(place) {
        Ok(place) => headers.insert(header::LOCATION, place),
        Err(_) => headers.insert(header::LOCATION, HeaderValue::from_static(HOME)),
    };
    headers.append(header::SET_COOKIE, set);
    response
}

fn not_set_up(what: &str) -> Problem {
    let detail = format!("signing in by {what} is not set up here");
    Problem::new(ProblemKind::NotFound, detail)
}

fn failed(why: &str) -> Problem {
    let detail = format!("{why}; begin again at /api/auth/google");
    Problem::new(ProblemKind::SignInFailed, detail)
}

fn not_admitted(why: &dyn std::error::Error) -> Problem {
    Problem::new(ProblemKind::NotAdmitted, why.to_string())
}

fn unsigned(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "a token could not be signed");
    Problem::internal()
}
