//! Handlers of `POST /api/keys` and `DELETE /api/keys/{key_id}`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use commands::CommandEffect;
use domain::{ApiKeyCommand, ApiKeyError, KeyContent, KeyId, Role, Text, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::unknown;
use crate::http::body::{Input, JsonBody};
use crate::http::extract::Path;
use crate::http::idempotency::Idempotency;
use crate::http::openapi::{Conflict, NotFound};
use crate::http::position;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::identity::caller::Caller;
use crate::state::AppState;

/// A key to create.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a key object")]
#[schema(as = KeyIn, example = json!({
    "name": "The shop's server",
    "role": "ingest",
    "expires_at": "2027-11-23T00:00:00Z",
    "client": "web-shop"
}))]
pub(super) struct KeyBody {
    /// The key's name, at most 200 bytes.
    #[schema(value_type = schema::Text200)]
    name: Text<200>,
    /// The key's role.
    #[schema(value_type = schema::Role)]
    role: Role,
    /// Time at which the key expires; without it, never.
    #[serde(default)]
    #[schema(value_type = Option<schema::Time>)]
    expires_at: Option<Timestamp>,
    /// Name of the program that uses the key; without it, the key's name. All keys of a
    /// client share its idempotency keys, so that a request that was sent with one key can
    /// be repeated with the next one. At most 200 bytes.
    #[serde(default)]
    #[schema(value_type = Option<schema::Text200>)]
    client: Option<Text<200>>,
}

impl Input for KeyBody {}

/// A key that was just created.
#[derive(Serialize, ToSchema)]
#[schema(as = KeyCreated, example = json!({
    "key_id": "key_3f9d02c4a1b84e0c9e7a5d2b6f108c33",
    "secret": "patron_3f9d02c4a1b84e0c9e7a5d2b6f108c33_kq3c9Zt1J0dXm7uYw2Rb8sLhVfEa4NgPiQxOoTzDyCk",
    "name": "The shop's server",
    "role": "ingest",
    "prefix": "patron_3f9d02c4",
    "expires_at": "2027-11-23T00:00:00.000Z",
    "client": "web-shop"
}))]
pub(super) struct CreatedKey {
    /// The key's id.
    #[schema(value_type = schema::KeyId)]
    key_id: KeyId,
    /// The secret, to be sent as `Authorization: Bearer SECRET`. It is shown
    /// only once and is not stored; `null` in the response to a repeated
    /// request.
    secret: Option<String>,
    /// The key's name.
    name: String,
    /// The key's role.
    #[schema(value_type = schema::Role)]
    role: Role,
    /// Prefix of the key's secret.
    prefix: String,
    /// Time at which the key expires; `null` if never.
    #[schema(value_type = Option<schema::Time>)]
    expires_at: Option<Timestamp>,
    /// Name of the program that uses the key.
    #[schema(example = "web-shop")]
    client: String,
}

/// Creates a key.
///
/// To replace a key, create another one with the same `client` before you revoke the
/// first: requests with an `Idempotency-Key` that were sent with the first key can then
/// be repeated with the second, without a second effect.
///
/// Only this response has the secret. A repeated request with the same
/// `Idempotency-Key` gets the same response, except that `secret` is `null`. If
/// the first response was lost, revoke the key and create another one.
#[utoipa::path(
    post,
    path = "/api/keys",
    tag = "Access",
    params(Idempotency),
    request_body = KeyBody,
    responses(
        (status = 201, description = "Created and persisted", body = CreatedKey,
            headers(
                ("Location" = inline(schema::Path), description = "The key's path"),
                ("Patron-Position" = inline(schema::Positions), description = "Positions for `after`"))),
        Conflict
    )
)]
pub(super) async fn create_key(
    State(app): State<AppState>,
    Caller(context): Caller,
    Idempotency { key }: Idempotency,
    JsonBody(body): JsonBody<KeyBody>,
) -> Result<impl IntoResponse, Problem> {
    app.shed.check()?;
    let client = body.client.unwrap_or_else(|| body.name.clone());
    let content = KeyContent {
        name: body.name,
        role: body.role,
        expires_at: body.expires_at,
        client: Some(client.clone()),
    };
    let commands = &app.commands;
    let secret = commands.secret_to_create(key.as_ref()).await?;
    let done = commands
        .create_api_key(&context, &secret, content.clone())
        .await?;
    let id = secret.id();
    let outcome = done.map_err(|error| refused(id, &error))?;
    // For a repeated request, `secret` is a new random one with the same id. It is not
    // the key's secret, so it is not shown.
    let is_new = outcome.effect == CommandEffect::Created;
    let created = CreatedKey {
        key_id: id.clone(),
        secret: is_new.then(|| secret.reveal().to_owned()),
        name: content.name.into(),
        role: content.role,
        prefix: secret.prefix().into(),
        expires_at: content.expires_at,
        client: client.into(),
    };
    let headers = position::created_headers(format!("/api/keys/{id}"), outcome);
    Ok((StatusCode::CREATED, headers, Json(created)))
}

/// Revokes a key.
///
/// The key is rejected as soon as this operation responds. It is still listed,
/// and its actions stay in the audit trail.
#[utoipa::path(
    delete,
    path = "/api/keys/{key_id}",
    tag = "Access",
    params(("key_id" = inline(schema::KeyId), Path, description = "The key's id")),
    responses(
        (status = 204, description = "Revoked",
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`"))),
        NotFound
    )
)]
pub(super) async fn revoke_key(
    State(app): State<AppState>,
    Path(id): Path<KeyId>,
    Caller(context): Caller,
) -> Result<impl IntoResponse, Problem> {
    let revoked = app
        .commands
        .execute(&context, id.clone(), ApiKeyCommand::Revoke)
        .await?;
    let outcome = revoked.map_err(|error| refused(&id, &error))?;
    let place = (position::HEADER, position::of(outcome));
    Ok((StatusCode::NO_CONTENT, [place]))
}

fn refused(id: &KeyId, error: &ApiKeyError) -> Problem {
    match error {
        ApiKeyError::NotFound => unknown(id),
        ApiKeyError::Conflict => {
            let detail = "this idempotency key was used before for a key with different content";
            Problem::new(ProblemKind::IdempotencyConflict, detail)
        }
        ApiKeyError::Expired => {
            Problem::field(ProblemKind::Refused, "/expires_at", error.to_string())
        }
    }
}
