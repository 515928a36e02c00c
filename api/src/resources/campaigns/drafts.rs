//! Handlers of `PATCH /api/campaigns/{id}`, `DELETE /api/campaigns/{id}`, and
//! `POST /api/campaigns/{id}/clone`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use domain::{CampaignCommand, CampaignId, CloneRequest, Subject};
use projections::campaign_stats::CampaignFigures;

use super::answer::{CampaignResponse, CampaignWritten};
use super::body::{CampaignChangesBody, CampaignChangesSchema, CampaignCloneBody};
use super::create::bad_content;
use super::find::{refused, unknown};
use crate::http::body::{JsonBody, OptionalJsonBody};
use crate::http::extract::Path;
use crate::http::idempotency::Idempotency;
use crate::http::openapi::{Conflict, NotFound, Trimmed};
use crate::http::position;
use crate::http::problem::Problem;
use crate::http::schema;
use crate::identity::caller::Caller;
use crate::resources::shared::quarantined;
use crate::state::AppState;

/// Changes a draft.
///
/// Fields that are absent stay unchanged. A campaign that was launched or scheduled
/// can no longer be changed.
#[utoipa::path(
    patch,
    path = "/api/campaigns/{id}",
    tag = "Campaigns",
    params(("id" = inline(schema::CampaignId), Path, description = "The campaign's id")),
    request_body = CampaignChangesSchema,
    responses(
        (status = 200, description = "Changed and persisted", body = CampaignResponse,
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`"))),
        NotFound, Conflict, Trimmed
    )
)]
pub(super) async fn update_campaign(
    State(app): State<AppState>,
    Path(id): Path<CampaignId>,
    Caller(context): Caller,
    JsonBody(body): JsonBody<CampaignChangesBody>,
) -> Result<impl IntoResponse, Problem> {
    app.shed.check()?;
    let changes = body.into_changes()?;
    let updated = app.commands.update_draft(&context, &id, &changes).await?;
    let outcome = updated.map_err(|refusal| bad_content(&id, &refusal))?;
    let log = app.commands.log();
    let found = app.store.campaign_at(log, &id, outcome.position).await?;
    let document = found.ok_or_else(|| unknown(&id))?;
    // A draft has no messages, and waits for nothing.
    let mut campaign = CampaignResponse::new(document, CampaignFigures::default(), false, None);
    quarantined::mark(&app, [&mut campaign]).await?;
    let headers = [(position::HEADER, position::of(outcome))];
    Ok((headers, Json(campaign)))
}

/// Deletes a draft.
///
/// The audit trail keeps its history. Deleting it again has no effect.
#[utoipa::path(
    delete,
    path = "/api/campaigns/{id}",
    tag = "Campaigns",
    params(("id" = inline(schema::CampaignId), Path, description = "The campaign's id")),
    responses(
        (status = 204, description = "Deleted",
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`"))),
        NotFound, Conflict
    )
)]
pub(super) async fn delete_campaign(
    State(app): State<AppState>,
    Path(id): Path<CampaignId>,
    Caller(context): Caller,
) -> Result<impl IntoResponse, Problem> {
    let deleted = app
        .commands
        .execute_on_campaign(&context, id.clone(), CampaignCommand::Delete)
        .await?;
    let outcome = deleted.map_err(|refusal| refused(&id, &refusal))?;
    let headers = [(position::HEADER, position::of(outcome))];
    Ok((StatusCode::NO_CONTENT, headers))
}

/// Creates a draft with the audience, message, tags and rate of another campaign.
///
/// The campaign may have any status. Its schedule is not cloned.
#[utoipa::path(
    post,
    path = "/api/campaigns/{id}/clone",
    tag = "Campaigns",
    params(
        ("id" = inline(schema::CampaignId), Path, description = "The id of the campaign to clone"),
        Idempotency
    ),
    request_body = CampaignCloneBody,
    responses(
        (status = 201, description = "Created and persisted", body = CampaignWritten,
            headers(
                ("Location" = inline(schema::Path), description = "The clone's path"),
                ("Patron-Position" = inline(schema::Positions), description = "Positions for `after`"))),
        NotFound, Conflict, Trimmed
    )
)]
pub(super) async fn clone_campaign(
    State(app): State<AppState>,
    Path(source): Path<CampaignId>,
    Caller(context): Caller,
    Idempotency { key }: Idempotency,
    OptionalJsonBody(body): OptionalJsonBody<CampaignCloneBody>,
) -> Result<impl IntoResponse, Problem> {
    app.shed.check()?;
    let id = app.commands.id_to_create(key.as_ref(), Subject::Campaign);
    let id: CampaignId = id.await?;
    let request = CloneRequest {
        campaign_id: source.clone(),
        name: body.name,
    };
    let commands = &app.commands;
    let cloned = commands
        .clone_campaign(&context, request, id.clone())
        .await?;
    let cloned = cloned.map_err(|refusal| refused(&source, &refusal))?;
    let written = CampaignWritten::new(id.clone(), &cloned.content);
    let headers = position::created_headers(format!("/api/campaigns/{id}"), cloned.outcome);
    Ok((StatusCode::CREATED, headers, Json(written)))
}
