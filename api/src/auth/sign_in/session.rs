//! `GET /api/auth/me`, `POST /api/auth/logout`

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Actor, Credential};
use crate::caller::Caller;
use crate::openapi::ProtectedProblems;
use crate::position;
use crate::problem::Problem;
use crate::schema;
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(who_am_i))
        .routes(routes!(sign_out))
}

/// Who asks.
#[derive(Serialize, ToSchema)]
struct Me {
    /// As the audit trail names it.
    #[schema(example = "user:usr_0b8f3c1e52d75f0bb1a93e607c95d4e2")]
    actor: String,
    /// What may be done: `ingest`, `viewer`, `marketer`, `admin`.
    #[schema(value_type = schema::Role)]
    role: &'static str,
    /// The user, where a session asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    /// Their address.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// What they are called.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

/// Who is asking, and what they may do.
#[utoipa::path(
    get,
    path = "/api/auth/me",
    tag = "sign-in",
    responses(
        (status = 200, description = "You", body = Me),
        ProtectedProblems
    )
)]
async fn who_am_i(
    State(app): State<AppState>,
    Extension(actor): Extension<Actor>,
) -> Result<Json<Me>, Problem> {
    let user = match &actor.credential {
        Credential::Session { session, .. } => Some(session.user.clone()),
        _ => None,
    };
    let found = match &user {
        Some(user) => app.commands.user(user).await?,
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

/// Ends the session that asks for it, at once and everywhere.
#[utoipa::path(
    post,
    path = "/api/auth/logout",
    tag = "sign-in",
    responses(
        (status = 204, description = "There is no such session any more",
            headers(("Patron-Position" = String, description = "Positions for `after`"))),
        ProtectedProblems
    )
)]
async fn sign_out(
    State(app): State<AppState>,
    Extension(actor): Extension<Actor>,
    Caller(context): Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Credential::Session { session, .. } = actor.credential {
        let ended = app
            .commands
            .sign_out(&context, session.user, session.session);
        if let Ok(outcome) = ended.await? {
            let at = position::of(outcome);
            response.headers_mut().insert(position::HEADER, at);
        }
    }
    if let Some(gone) = app.credentials.forgotten(&headers) {
        response.headers_mut().append(header::SET_COOKIE, gone);
    }
    Ok(response)
}
