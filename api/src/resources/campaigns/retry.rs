//! Handler of `POST /api/campaigns/{id}/retry`.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use commands::{CommandEffect, Context};
use domain::{CampaignCommand, CampaignId, MessageCommand, MessageId, MessageStatus};
use eventlog::Positions;
use projections::View;
use projections::messages::Messages;
use serde::Serialize;
use utoipa::ToSchema;

use super::find::{MAX_VIEW_WAIT, head, refused};
use crate::http::extract::Path;
use crate::http::openapi::{Conflict, NotFound};
use crate::http::position;
use crate::http::problem::Problem;
use crate::http::schema;
use crate::identity::caller::Caller;
use crate::state::{AppContext, AppState};

/// Number of messages that are queued again in one batch.
const BATCH: usize = 1_000;

/// Result of a retry.
#[derive(Serialize, ToSchema)]
pub(super) struct Retried {
    /// Number of messages that were queued again.
    #[schema(example = 17)]
    requeued: u64,
}

/// Queues the messages again that could not be handed to the vendor.
#[utoipa::path(
    post,
    path = "/api/campaigns/{id}/retry",
    tag = "Campaigns",
    params(("id" = inline(schema::CampaignId), Path, description = "The campaign's id")),
    responses(
        (status = 200, description = "Queued and persisted", body = Retried,
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`"))),
        NotFound, Conflict
    )
)]
pub(super) async fn retry_campaign(
    State(app): State<AppState>,
    Path(id): Path<CampaignId>,
    Caller(context): Caller,
) -> Result<impl IntoResponse, Problem> {
    app.shed.check()?;
    let retry = CampaignCommand::RecordRetry { requeued: 0 };
    let decided = head(&app, &id).await?.decide(retry);
    decided.map_err(|error| refused(&id, &error.into()))?;
    // The view must include all messages that were given up before this request.
    // Otherwise the retry would miss some of them.
    let ends: Positions = app.commands.log().ends().await?.into_iter().collect();
    app.store
        .wait_for(Messages::NAME, &ends, MAX_VIEW_WAIT)
        .await?;
    let (requeued, mut positions) = requeue(&app, &context, &id).await?;
    let commands = &app.commands;
    let recorded = commands
        .execute_on_campaign(
            &context,
            id.clone(),
            CampaignCommand::RecordRetry { requeued },
        )
        .await?;
    let outcome = recorded.map_err(|refusal| refused(&id, &refusal))?;
    positions.insert(outcome.position);
    let headers = [(position::HEADER, position::header_value(&positions))];
    Ok((headers, Json(Retried { requeued })))
}

/// Queues all undeliverable messages again, batch by batch. Returns their number
/// and the positions of the recorded events.
async fn requeue(
    app: &AppContext,
    context: &Context,
    campaign: &CampaignId,
) -> Result<(u64, Positions), Problem> {
    let mut requeued = 0;
    let mut positions = Positions::default();
    let mut after: Option<String> = None;
    loop {
        let undeliverable = [MessageStatus::Undeliverable];
        let page = app
            .store
            .messages_with(campaign, &undeliverable, after.as_deref(), BATCH);
        let page = page.await?;
        let Some(last) = page.last() else {
            return Ok((requeued, positions));
        };
        after = Some(last.to_string());
        let requeue = |id: MessageId| (id, MessageCommand::Requeue);
        let commands = page.into_iter().map(requeue).collect();
        let outcomes = app.commands.execute_on_messages(context, commands).await?;
        for outcome in outcomes.into_iter().flatten() {
            requeued += u64::from(outcome.effect == CommandEffect::Updated);
            positions.insert(outcome.position);
        }
    }
}
