//! Handlers of `PUT /api/users/{user_id}/role` and
//! `POST /api/users/{user_id}/sign-out`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use domain::{UserCommand, UserError, UserId, UserRole};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::unknown;
use crate::http::body::{Input, JsonBody};
use crate::http::extract::Path;
use crate::http::openapi::NotFound;
use crate::http::position;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::identity::caller::Caller;
use crate::state::AppState;

/// The role to assign to a user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a role")]
#[schema(as = RoleIn, example = json!({"role": "marketer"}))]
pub(super) struct RoleBody {
    /// The role; `none` locks the user out and ends all their sessions.
    #[schema(value_type = schema::UserRole)]
    role: UserRole,
}

impl Input for RoleBody {}

/// A user's role after the assignment.
#[derive(Serialize, ToSchema)]
#[schema(as = UserRoleGiven)]
pub(super) struct RoleGiven {
    /// The user.
    #[schema(value_type = schema::UserId)]
    user_id: UserId,
    /// The user's role.
    #[schema(value_type = schema::UserRole)]
    role: UserRole,
}

/// Assigns a role to a user.
///
/// The role takes effect as soon as this operation responds. It overrides the role
/// that the configuration gives, at later sign-ins too. One exception: a user
/// whose address the configuration names as an admin's is an admin again after
/// the next sign-in, unless they are locked out.
#[utoipa::path(
    put,
    path = "/api/users/{user_id}/role",
    tag = "Access",
    params(("user_id" = inline(schema::UserId), Path, description = "The user's id")),
    request_body = RoleBody,
    responses(
        (status = 200, description = "Assigned and persisted", body = RoleGiven,
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`"))),
        NotFound
    )
)]
pub(super) async fn give_role(
    State(app): State<AppState>,
    Path(id): Path<UserId>,
    Caller(context): Caller,
    JsonBody(RoleBody { role }): JsonBody<RoleBody>,
) -> Result<impl IntoResponse, Problem> {
    let given = app
        .commands
        .execute(&context, id.clone(), UserCommand::GiveRole { role })
        .await?;
    let outcome = given.map_err(|error| refused(&id, &error))?;
    let place = (position::HEADER, position::of(outcome));
    Ok(([place], Json(RoleGiven { user_id: id, role })))
}

/// Ends all sessions of a user.
///
/// The sessions are rejected as soon as this operation responds.
#[utoipa::path(
    post,
    path = "/api/users/{user_id}/sign-out",
    tag = "Access",
    params(("user_id" = inline(schema::UserId), Path, description = "The user's id")),
    responses(
        (status = 204, description = "Signed out everywhere",
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`"))),
        NotFound
    )
)]
pub(super) async fn sign_out_user(
    State(app): State<AppState>,
    Path(id): Path<UserId>,
    Caller(context): Caller,
) -> Result<impl IntoResponse, Problem> {
    let commands = &app.commands;
    let done = commands
        .execute(&context, id.clone(), UserCommand::SignOutEverywhere)
        .await?;
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
