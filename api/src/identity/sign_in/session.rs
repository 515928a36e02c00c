//! Handlers of `GET /api/auth/me` and `POST /api/auth/logout`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use domain::UserCommand;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::position;
use crate::http::problem::Problem;
use crate::http::schema;
use crate::identity::caller::Caller;
use crate::identity::credentials::{Actor, Credential};
use crate::identity::state::IdentityState;

/// The caller, as its credential identifies it.
#[derive(Serialize, ToSchema)]
pub(super) struct Me {
    /// The caller's name in the audit trail.
    #[schema(example = "user:usr_0b8f3c1e52d75f0bb1a93e607c95d4e2")]
    actor: String,
    /// The caller's role: `ingest`, `viewer`, `marketer`, or `admin`.
    #[schema(value_type = schema::Role)]
    role: &'static str,
    /// The user's id; absent for a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    /// The user's email address; absent for a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// The user's name; absent for a key, or if it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

/// Returns the caller's identity and role.
#[utoipa::path(
    get,
    path = "/api/auth/me",
    tag = "Authentication",
    responses(
        (status = 200, description = "The caller", body = Me)
    )
)]
pub(super) async fn who_am_i(
    State(identity): State<IdentityState>,
    Extension(actor): Extension<Actor>,
) -> Result<Json<Me>, Problem> {
    let user = match &actor.credential {
        Credential::Session { session, .. } => Some(session.user.clone()),
        _ => None,
    };
    let found = match &user {
        Some(user) => identity.commands.user(user).await?,
        None => None,
    };
    let identity = found.as_ref().and_then(|user| user.identity());
    Ok(Json(Me {
        actor: actor.name.to_string(),
        role: actor.role.as_str(),
        user_id: user.map(String::from),
        email: identity.map(|identity| identity.email.as_str().to_owned()),
        name: identity.and_then(|identity| Some(identity.name.as_ref()?.as_str().to_owned())),
    }))
}

/// Ends the caller's session.
///
/// The session ends at once in every process. A request with a key ends nothing.
#[utoipa::path(
    post,
    path = "/api/auth/logout",
    tag = "Authentication",
    responses(
        (status = 204, description = "Signed out",
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`")))
    )
)]
pub(super) async fn sign_out(
    State(identity): State<IdentityState>,
    Extension(actor): Extension<Actor>,
    Caller(context): Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Credential::Session { session, .. } = actor.credential {
        let ended = identity.commands.execute(
            &context,
            session.user,
            UserCommand::SignOut {
                session: session.session,
            },
        );
        if let Ok(outcome) = ended.await? {
            let at = position::of(outcome);
            response.headers_mut().insert(position::HEADER, at);
        }
    }
    if let Some(removal) = identity.credentials.removed_cookie(&headers) {
        response.headers_mut().append(header::SET_COOKIE, removal);
    }
    Ok(response)
}
