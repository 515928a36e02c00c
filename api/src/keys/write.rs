//! `POST /api/keys`, `DELETE /api/keys/{key_id}`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use commands::{Change, new_secret};
use domain::{ApiKeyError, KeyContent, KeyId, Role, Text, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::unknown;
use crate::body::{Input, JsonBody};
use crate::caller::Caller;
use crate::created;
use crate::extract::Path;
use crate::idempotency::Idempotency;
use crate::openapi::{CreateProblems, OneProblems};
use crate::position;
use crate::problem::{Problem, ProblemKind};
use crate::schema;
use crate::state::AppState;

/// A key as a client wants it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a key object")]
#[schema(as = KeyIn, example = json!({
    "name": "The shop's server",
    "role": "ingest",
    "expires_at": "2027-11-23T00:00:00Z"
}))]
pub(super) struct KeyBody {
    /// What it is called, at most 200 bytes.
    #[schema(value_type = schema::Text200)]
    name: Text<200>,
    /// What it may do.
    #[schema(value_type = schema::Role)]
    role: Role,
    /// When it lets nobody in any more; without it, that is never.
    #[serde(default)]
    #[schema(value_type = Option<schema::Time>)]
    expires_at: Option<Timestamp>,
}

impl Input for KeyBody {}

/// A key as it was just created.
#[derive(Serialize, ToSchema)]
#[schema(as = KeyCreated, example = json!({
    "key_id": "key_3f9d02c4a1b84e0c9e7a5d2b6f108c33",
    "secret": "patron_3f9d02c4a1b84e0c9e7a5d2b6f108c33_kq3c9Zt1J0dXm7uYw2Rb8sLhVfEa4NgPiQxOoTzDyCk",
    "name": "The shop's server",
    "role": "ingest",
    "prefix": "patron_3f9d02c4",
    "expires_at": "2027-11-23T00:00:00.000Z"
}))]
pub(super) struct CreatedKey {
    /// Patron's name for it.
    #[schema(value_type = schema::KeyId)]
    key_id: KeyId,
    /// What lets in, as `Authorization: Bearer SECRET`. It is shown this once
    /// and kept nowhere: `null` in the answer to a repetition.
    secret: Option<String>,
    /// What it is called.
    name: String,
    /// What it may do.
    #[schema(value_type = schema::Role)]
    role: Role,
    /// How its secret begins.
    prefix: String,
    /// When it lets nobody in any more.
    #[schema(value_type = Option<schema::Time>)]
    expires_at: Option<Timestamp>,
}

/// Creates a key.
///
/// Its secret is in this answer and nowhere else. Sent again with the same
/// `Idempotency-Key`, the answer is the same but for `secret`, which is `null`:
/// if the first answer was lost, revoke the key and create another.
#[utoipa::path(
    post,
    path = "/api/keys",
    tag = "access",
    params(Idempotency),
    request_body = KeyBody,
    responses(
        (status = 201, description = "It is on disk", body = CreatedKey,
            headers(
                ("Location" = String, description = "The key's path"),
                ("Patron-Position" = String, description = "Positions for `after`"))),
        CreateProblems
    )
)]
pub(super) async fn create_key(
    State(app): State<AppState>,
    Caller(context): Caller,
    Idempotency { key }: Idempotency,
    JsonBody(body): JsonBody<KeyBody>,
) -> Result<impl IntoResponse, Problem> {
    app.shed.check()?;
    let content = KeyContent {
        name: body.name,
        role: body.role,
        expires_at: body.expires_at,
    };
    let secret = new_secret(&context.actor, key.as_ref());
    let commands = &app.commands;
    let done = commands
        .create_api_key(&context, &secret, content.clone())
        .await?;
    let id = secret.id();
    let outcome = done.map_err(|error| refused(id, &error))?;
    let is_new = outcome.change == Change::Created;
    let created = CreatedKey {
        key_id: id.clone(),
        secret: is_new.then(|| secret.reveal().to_owned()),
        name: content.name.into(),
        role: content.role,
        prefix: secret.prefix().into(),
        expires_at: content.expires_at,
    };
    let headers = created::headers(format!("/api/keys/{id}"), outcome);
    Ok((StatusCode::CREATED, headers, Json(created)))
}

/// Revokes a key.
///
/// It lets nobody in from this answer on. It is shown on, and what it did stays
/// in the audit trail.
#[utoipa::path(
    delete,
    path = "/api/keys/{key_id}",
    tag = "access",
    params(("key_id" = inline(schema::KeyId), Path, description = "The key's id")),
    responses(
        (status = 204, description = "It is revoked",
            headers(("Patron-Position" = String, description = "Positions for `after`"))),
        OneProblems
    )
)]
pub(super) async fn revoke_key(
    State(app): State<AppState>,
    Path(id): Path<KeyId>,
    Caller(context): Caller,
) -> Result<impl IntoResponse, Problem> {
    let revoked = app.commands.revoke_api_key(&context, id.clone()).await?;
    let outcome = revoked.map_err(|error| refused(&id, &error))?;
    let place = (position::HEADER, position::of(outcome));
    Ok((StatusCode::NO_CONTENT, [place]))
}

fn refused(id: &KeyId, error: &ApiKeyError) -> Problem {
    match error {
        ApiKeyError::NotFound => unknown(id),
        ApiKeyError::Conflict => {
            let detail = "this idempotency key was used before, for a key with other content";
            Problem::new(ProblemKind::IdempotencyConflict, detail)
        }
        ApiKeyError::Expired => {
            Problem::field(ProblemKind::Refused, "/expires_at", error.to_string())
        }
    }
}
