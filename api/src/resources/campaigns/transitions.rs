//! Handlers of `POST /api/campaigns/{id}/launch`, `…/pause`, `…/resume`, and
//! `…/cancel`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use commands::{CampaignResult, Outcome};
use domain::{CampaignCommand, CampaignId, CampaignStatus};

use super::answer::TransitionResponse;
use super::find::{check_launchable, head, refused};
use crate::http::extract::Path;
use crate::http::idempotency::Idempotency;
use crate::http::openapi::{Conflict, NotFound, Trimmed};
use crate::http::position;
use crate::http::problem::Problem;
use crate::http::schema;
use crate::identity::caller::Caller;
use crate::state::AppState;

/// Launches a campaign.
///
/// The launch fixes the audience: customers in their current state, whatever
/// changes later. A draft with `scheduled_at` is scheduled for that time instead.
#[utoipa::path(
    post,
    path = "/api/campaigns/{id}/launch",
    tag = "Campaigns",
    params(
        ("id" = inline(schema::CampaignId), Path, description = "The campaign's id"),
        Idempotency
    ),
    responses(
        (status = 202, description = "Launched or scheduled", body = TransitionResponse,
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`"))),
        NotFound, Conflict, Trimmed
    )
)]
pub(super) async fn launch_campaign(
    State(app): State<AppState>,
    Path(id): Path<CampaignId>,
    Caller(context): Caller,
    Idempotency { key }: Idempotency,
) -> Result<Response, Problem> {
    app.shed.check()?;
    // A campaign that does not exist is 404, even if the log was trimmed (410).
    head(&app, &id).await?;
    check_launchable(&app, &id).await?;
    let commands = &app.commands;
    let launched = commands.launch_campaign(&context, id.clone(), key.as_ref());
    let launched = launched.await?;
    let launched = launched.map_err(|refusal| refused(&id, &refusal))?;
    Ok(answer(id, launched.outcome, launched.status))
}

/// Pauses a campaign.
///
/// Sending stops within a second.
#[utoipa::path(
    post,
    path = "/api/campaigns/{id}/pause",
    tag = "Campaigns",
    params(("id" = inline(schema::CampaignId), Path, description = "The campaign's id")),
    responses(
        (status = 202, description = "Paused", body = TransitionResponse,
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`"))),
        NotFound, Conflict
    )
)]
pub(super) async fn pause_campaign(
    State(app): State<AppState>,
    Path(id): Path<CampaignId>,
    Caller(context): Caller,
) -> Result<Response, Problem> {
    let paused = app
        .commands
        .execute_on_campaign(&context, id.clone(), CampaignCommand::Pause)
        .await?;
    transition_response(id, paused, CampaignStatus::Paused)
}

/// Resumes a paused campaign.
#[utoipa::path(
    post,
    path = "/api/campaigns/{id}/resume",
    tag = "Campaigns",
    params(("id" = inline(schema::CampaignId), Path, description = "The campaign's id")),
    responses(
        (status = 202, description = "Resumed", body = TransitionResponse,
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`"))),
        NotFound, Conflict
    )
)]
pub(super) async fn resume_campaign(
    State(app): State<AppState>,
    Path(id): Path<CampaignId>,
    Caller(context): Caller,
) -> Result<Response, Problem> {
    let resumed = app
        .commands
        .execute_on_campaign(&context, id.clone(), CampaignCommand::Resume)
        .await?;
    // A campaign that was paused while launching returns to `launching`.
    let status = head(&app, &id).await?.status();
    transition_response(id, resumed, status.unwrap_or(CampaignStatus::Sending))
}

/// Cancels a campaign.
///
/// Messages that were not sent yet will not be sent.
#[utoipa::path(
    post,
    path = "/api/campaigns/{id}/cancel",
    tag = "Campaigns",
    params(("id" = inline(schema::CampaignId), Path, description = "The campaign's id")),
    responses(
        (status = 202, description = "Canceled", body = TransitionResponse,
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`"))),
        NotFound, Conflict
    )
)]
pub(super) async fn cancel_campaign(
    State(app): State<AppState>,
    Path(id): Path<CampaignId>,
    Caller(context): Caller,
) -> Result<Response, Problem> {
    let cancelled = app
        .commands
        .execute_on_campaign(&context, id.clone(), CampaignCommand::Cancel)
        .await?;
    transition_response(id, cancelled, CampaignStatus::Cancelled)
}

/// Returns the response to a command that gave the campaign this status.
fn transition_response(
    id: CampaignId,
    result: CampaignResult,
    status: CampaignStatus,
) -> Result<Response, Problem> {
    let outcome = result.map_err(|refusal| refused(&id, &refusal))?;
    Ok(answer(id, outcome, status))
}

fn answer(id: CampaignId, outcome: Outcome, status: CampaignStatus) -> Response {
    let headers = [(position::HEADER, position::of(outcome))];
    let body = Json(TransitionResponse {
        campaign_id: id,
        status,
    });
    (StatusCode::ACCEPTED, headers, body).into_response()
}
