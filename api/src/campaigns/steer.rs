//! `POST /api/campaigns/{id}/launch`, `…/pause`, `…/resume`, `…/cancel`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use commands::CampaignResult;
use domain::{CampaignId, CampaignStatus};

use super::answer::Steered;
use super::{check_launchable, head, refused};
use crate::caller::Caller;
use crate::extract::Path;
use crate::idempotency::Idempotency;
use crate::openapi::{ChangeProblems, LaunchProblems};
use crate::position;
use crate::problem::Problem;
use crate::schema;
use crate::state::AppState;

/// Launches a campaign.
///
/// Who is meant is fixed by this: customers as they are now, whatever changes
/// later.
#[utoipa::path(
    post,
    path = "/api/campaigns/{id}/launch",
    tag = "campaigns",
    params(
        ("id" = inline(schema::CampaignId), Path, description = "The campaign's id"),
        Idempotency
    ),
    responses(
        (status = 202, description = "Launched", body = Steered,
            headers(("Patron-Position" = String, description = "Positions for `after`"))),
        LaunchProblems
    )
)]
pub(super) async fn launch_campaign(
    State(app): State<AppState>,
    Path(id): Path<CampaignId>,
    Caller(context): Caller,
    Idempotency { key }: Idempotency,
) -> Result<Response, Problem> {
    app.shed.check()?;
    // 404 comes before 410.
    head(&app, &id).await?;
    check_launchable(&app, &id).await?;
    let commands = &app.commands;
    let launched = commands.launch_campaign(&context, id.clone(), key.as_ref());
    steered(id, launched.await?, CampaignStatus::Launching)
}

/// Lets a campaign rest: from within a second, nothing more is sent.
#[utoipa::path(
    post,
    path = "/api/campaigns/{id}/pause",
    tag = "campaigns",
    params(("id" = inline(schema::CampaignId), Path, description = "The campaign's id")),
    responses(
        (status = 202, description = "Paused", body = Steered,
            headers(("Patron-Position" = String, description = "Positions for `after`"))),
        ChangeProblems
    )
)]
pub(super) async fn pause_campaign(
    State(app): State<AppState>,
    Path(id): Path<CampaignId>,
    Caller(context): Caller,
) -> Result<Response, Problem> {
    let paused = app.commands.pause_campaign(&context, id.clone()).await?;
    steered(id, paused, CampaignStatus::Paused)
}

/// Lets a campaign go on.
#[utoipa::path(
    post,
    path = "/api/campaigns/{id}/resume",
    tag = "campaigns",
    params(("id" = inline(schema::CampaignId), Path, description = "The campaign's id")),
    responses(
        (status = 202, description = "Resumed", body = Steered,
            headers(("Patron-Position" = String, description = "Positions for `after`"))),
        ChangeProblems
    )
)]
pub(super) async fn resume_campaign(
    State(app): State<AppState>,
    Path(id): Path<CampaignId>,
    Caller(context): Caller,
) -> Result<Response, Problem> {
    let resumed = app.commands.resume_campaign(&context, id.clone()).await?;
    let status = head(&app, &id).await?.status();
    steered(id, resumed, status.unwrap_or(CampaignStatus::Sending))
}

/// Ends a campaign. What was not sent is not sent any more.
#[utoipa::path(
    post,
    path = "/api/campaigns/{id}/cancel",
    tag = "campaigns",
    params(("id" = inline(schema::CampaignId), Path, description = "The campaign's id")),
    responses(
        (status = 202, description = "Cancelled", body = Steered,
            headers(("Patron-Position" = String, description = "Positions for `after`"))),
        ChangeProblems
    )
)]
pub(super) async fn cancel_campaign(
    State(app): State<AppState>,
    Path(id): Path<CampaignId>,
    Caller(context): Caller,
) -> Result<Response, Problem> {
    let cancelled = app.commands.cancel_campaign(&context, id.clone()).await?;
    steered(id, cancelled, CampaignStatus::Cancelled)
}

/// The answer to a command that made the campaign `status`.
fn steered(
    id: CampaignId,
    result: CampaignResult,
    status: CampaignStatus,
) -> Result<Response, Problem> {
    let outcome = result.map_err(|refusal| refused(&id, &refusal))?;
    let headers = [(position::HEADER, position::of(outcome))];
    let body = Json(Steered {
        campaign_id: id,
        status,
    });
    Ok((StatusCode::ACCEPTED, headers, body).into_response())
}
