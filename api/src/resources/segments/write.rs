//! Handlers of `POST /api/segments`, `PUT /api/segments/{id}`, and
//! `DELETE /api/segments/{id}`.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::IntoResponse;
use commands::Outcome;
use domain::{SegmentCommand, SegmentError, SegmentId, Subject};

use super::answer::SegmentWritten;
use super::body::SegmentBody;
use super::unknown;
use crate::http::body::JsonBody;
use crate::http::extract::Path;
use crate::http::idempotency::Idempotency;
use crate::http::openapi::{Conflict, NotFound};
use crate::http::position;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::identity::caller::Caller;
use crate::state::AppState;

/// Creates a segment.
#[utoipa::path(
    post,
    path = "/api/segments",
    tag = "Segments",
    params(Idempotency),
    request_body = SegmentBody,
    responses(
        (status = 201, description = "Created and persisted", body = SegmentWritten,
            headers(
                ("Location" = inline(schema::Path), description = "The segment's path"),
                ("Patron-Position" = inline(schema::Positions), description = "Positions for `after`"))),
        Conflict
    )
)]
pub(super) async fn create_segment(
    State(app): State<AppState>,
    Caller(context): Caller,
    Idempotency { key }: Idempotency,
    JsonBody(body): JsonBody<SegmentBody>,
) -> Result<impl IntoResponse, Problem> {
    app.shed.check()?;
    let content = body.into_content()?;
    let id = app.commands.id_to_create(key.as_ref(), Subject::Segment);
    let id: SegmentId = id.await?;
    let written = SegmentWritten::new(id.clone(), content.clone());
    let commands = &app.commands;
    let done = commands
        .execute(&context, id.clone(), SegmentCommand::Create(content))
        .await?;
    let outcome = done.map_err(|error| refused(&id, &error))?;
    let headers = position::created_headers(format!("/api/segments/{id}"), outcome);
    Ok((StatusCode::CREATED, headers, Json(written)))
}

/// Replaces a segment's content.
#[utoipa::path(
    put,
    path = "/api/segments/{id}",
    tag = "Segments",
    params(("id" = inline(schema::SegmentId), Path, description = "The segment's id")),
    request_body = SegmentBody,
    responses(
        (status = 200, description = "Replaced and persisted", body = SegmentWritten,
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`"))),
        NotFound, Conflict
    )
)]
pub(super) async fn update_segment(
    State(app): State<AppState>,
    Path(id): Path<SegmentId>,
    Caller(context): Caller,
    JsonBody(body): JsonBody<SegmentBody>,
) -> Result<impl IntoResponse, Problem> {
    app.shed.check()?;
    let content = body.into_content()?;
    let written = SegmentWritten::new(id.clone(), content.clone());
    let commands = &app.commands;
    let updated = commands
        .execute(&context, id.clone(), SegmentCommand::Update(content))
        .await?;
    let outcome = updated.map_err(|error| refused(&id, &error))?;
    Ok(([position_header(outcome)], Json(written)))
}

/// Archives a segment.
///
/// An archived segment can still be read, but it can no longer be changed or
/// used. Archiving it again has no effect.
#[utoipa::path(
    delete,
    path = "/api/segments/{id}",
    tag = "Segments",
    params(("id" = inline(schema::SegmentId), Path, description = "The segment's id")),
    responses(
        (status = 204, description = "Archived",
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`"))),
        NotFound, Conflict
    )
)]
pub(super) async fn archive_segment(
    State(app): State<AppState>,
    Path(id): Path<SegmentId>,
    Caller(context): Caller,
) -> Result<impl IntoResponse, Problem> {
    let archived = app.commands.archive_segment(&context, id.clone()).await?;
    let outcome = archived.map_err(|error| refused(&id, &error))?;
    Ok((StatusCode::NO_CONTENT, [position_header(outcome)]))
}

fn refused(id: &SegmentId, error: &SegmentError) -> Problem {
    let kind = match error {
        SegmentError::NotFound => return unknown(id),
        SegmentError::TooLarge(_) => {
            return Problem::field(ProblemKind::Refused, "/rules", error.to_string());
        }
        SegmentError::Conflict => {
            let detail = "this key was used before for a segment with different content";
            return Problem::new(ProblemKind::IdempotencyConflict, detail);
        }
        SegmentError::Archived => ProblemKind::Archived,
        SegmentError::InUse(_) => ProblemKind::InUse,
    };
    Problem::new(kind, error.to_string())
}

fn position_header(outcome: Outcome) -> (HeaderName, HeaderValue) {
    (position::HEADER, position::of(outcome))
}
