//! `PUT /api/users/{user_id}/role`, `POST /api/users/{user_id}/sign-out`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use domain::{UserError, UserId, UserRole};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::unknown;
use crate::body::{Input, JsonBody};
use crate::caller::Caller;
use crate::extract::Path;
use crate::openapi::{GiveProblems, OneProblems};
use crate::position;
use crate::problem::{Problem, ProblemKind};
use crate::schema;
use crate::state::AppState;

/// What a user is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a role")]
#[schema(as = RoleIn, example = json!({"role": "marketer"}))]
pub(super) struct RoleBody {
    /// What they may do; `none` locks them out and ends all their sessions.
    #[schema(value_type = schema::UserRole)]
    role: UserRole,
}

impl Input for RoleBody {}

/// What a user is now.
#[derive(Serialize, ToSchema)]
#[schema(as = UserRoleGiven)]
pub(super) struct RoleGiven {
    /// Who.
    #[schema(value_type = schema::UserId)]
    user_id: UserId,
    /// What they may do.
    #[schema(value_type = schema::UserRole)]
    role: UserRole,
}

/// Gives a user a role, from this answer on.
///
/// It counts for more than what the configuration gives, at later sign-ins too.
/// Only an address that the configuration names as an admin's makes its user an
/// admin again at the next sign-in, unless they are locked out.
#[utoipa::path(
    put,
    path = "/api/users/{user_id}/role",
    tag = "access",
    params(("user_id" = inline(schema::UserId), Path, description = "The user's id")),
    request_body = RoleBody,
    responses(
        (status = 200, description = "It is on disk", body = RoleGiven,
            headers(("Patron-Position" = String, description = "Positions for `after`"))),
        GiveProblems
    )
)]
pub(super) async fn give_role(
    State(app): State<AppState>,
    Path(id): Path<UserId>,
    Caller(context): Caller,
    JsonBody(RoleBody { role }): JsonBody<RoleBody>,
) -> Result<impl IntoResponse, Problem> {
    let given = app.commands.give_role(&context, id.clone(), role).await?;
    let outcome = given.map_err(|error| refused(&id, &error))?;
    let place = (position::HEADER, position::of(outcome));
    Ok(([place], Json(RoleGiven { user_id: id, role })))
}

/// Ends all sessions of a user, from this answer on.
#[utoipa::path(
    post,
    path = "/api/users/{user_id}/sign-out",
    tag = "access",
    params(("user_id" = inline(schema::UserId), Path, description = "The user's id")),
    responses(
        (status = 204, description = "They are signed out everywhere",
            headers(("Patron-Position" = String, description = "Positions for `after`"))),
        OneProblems
    )
)]
pub(super) async fn sign_out(
    State(app): State<AppState>,
    Path(id): Path<UserId>,
    Caller(context): Caller,
) -> Result<impl IntoResponse, Problem> {
    let commands = &app.commands;
    let done = commands.sign_out_everywhere(&context, id.clone()).await?;
    let outcome = done.map_err(|error| refused(&id, &error))?;
    let place = (position::HEADER, position::of(outcome));
    Ok((StatusCode::NO_CONTENT, [place]))
}

fn refused(id: &UserId, error: &UserError) -> Problem {
    match error {
        UserError::NotFound => unknown(id),
        UserError::NotInvited | UserError::LockedOut => {
            Problem::new(ProblemKind::Refused, error.to_string())
        }
    }
}
