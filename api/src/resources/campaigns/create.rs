//! Handler of `POST /api/campaigns`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use commands::{CampaignRefusal, Context, IdempotencyKey, Outcome};
use domain::{CampaignContent, CampaignId, SegmentError, Subject};

use super::answer::CampaignWritten;
use super::body::{CampaignBody, CampaignSchema};
use super::find::{check_launchable, refused};
use crate::http::body::JsonBody;
use crate::http::idempotency::Idempotency;
use crate::http::openapi::{Conflict, Trimmed};
use crate::http::position;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::identity::caller::Caller;
use crate::state::{AppContext, AppState};

/// Creates a campaign, and launches it on request.
#[utoipa::path(
    post,
    path = "/api/campaigns",
    tag = "Campaigns",
    params(Idempotency),
    request_body = CampaignSchema,
    responses(
        (status = 201, description = "Created and persisted", body = CampaignWritten,
            headers(
                ("Location" = inline(schema::Path), description = "The campaign's path"),
                ("Patron-Position" = inline(schema::Positions), description = "Positions for `after`"))),
        Conflict, Trimmed
    )
)]
pub(super) async fn create_campaign(
    State(app): State<AppState>,
    Caller(context): Caller,
    Idempotency { key }: Idempotency,
    JsonBody(body): JsonBody<CampaignBody>,
) -> Result<impl IntoResponse, Problem> {
    app.shed.check()?;
    let content = body.into_content()?;
    let id = app.commands.id_to_create(key.as_ref(), Subject::Campaign);
    let id: CampaignId = id.await?;
    check_time(&app, &context, &id, &content).await?;
    let written = CampaignWritten::new(id.clone(), &content);
    let outcome = create(&app, &context, &id, content, key.as_ref()).await?;
    let headers = position::created_headers(format!("/api/campaigns/{id}"), outcome);
    Ok((StatusCode::CREATED, headers, Json(written)))
}

/// Rejects a scheduled launch in the past, except for a repeated request: its
/// time may have passed since the first one.
async fn check_time(
    app: &AppContext,
    context: &Context,
    id: &CampaignId,
    content: &CampaignContent,
) -> Result<(), Problem> {
    let has_passed = content.scheduled_at.is_some_and(|at| at <= context.now);
    if !has_passed || app.commands.campaign(id).await?.is_some() {
        return Ok(());
    }
    Err(refused(id, &CampaignRefusal::Past))
}

async fn create(
    app: &AppContext,
    context: &Context,
    id: &CampaignId,
    content: CampaignContent,
    key: Option<&IdempotencyKey>,
) -> Result<Outcome, Problem> {
    let (commands, campaign) = (&app.commands, id.clone());
    let created = match content.at_once {
        true => {
            check_launchable(app, id).await?;
            let creating = commands.create_and_launch_campaign(context, campaign, content, key);
            creating.await?
        }
        false => commands.create_campaign(context, campaign, content).await?,
    };
    created.map_err(|refusal| bad_content(id, &refusal))
}

/// Returns the problem of a campaign's content that was refused.
pub(super) fn bad_content(id: &CampaignId, refusal: &CampaignRefusal) -> Problem {
    match refusal {
        CampaignRefusal::Segment(error) => bad_segment(error),
        refusal => refused(id, refusal),
    }
}

/// Returns the problem of a segment that cannot be an audience.
pub(super) fn bad_segment(error: &SegmentError) -> Problem {
    let kind = ProblemKind::Refused;
    Problem::field(kind, "/segment_id", error.to_string())
}
