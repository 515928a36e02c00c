//! `POST /api/campaigns/{id}/retry`

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use commands::{Change, Context};
use domain::{CampaignCommand, CampaignId, MessageCommand, MessageId, MessageStatus};
use eventlog::Positions;
use projections::View;
use projections::messages::Messages;
use serde::Serialize;
use utoipa::ToSchema;

use super::{PATIENCE, head, refused};
use crate::caller::Caller;
use crate::extract::Path;
use crate::openapi::ChangeProblems;
use crate::position;
use crate::problem::Problem;
use crate::schema;
use crate::state::{AppState, Shared};

/// How many messages are queued again at once.
const BATCH: usize = 1_000;

/// How many messages were queued again.
#[derive(Serialize, ToSchema)]
pub(super) struct Retried {
    /// Those that could not be handed to the vendor.
    #[schema(example = 17)]
    requeued: u64,
}

/// Queues again what could not be handed to the vendor.
#[utoipa::path(
    post,
    path = "/api/campaigns/{id}/retry",
    tag = "campaigns",
    params(("id" = inline(schema::CampaignId), Path, description = "The campaign's id")),
    responses(
        (status = 200, description = "They are queued", body = Retried,
            headers(("Patron-Position" = String, description = "Positions for `after`"))),
        ChangeProblems
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
    // What was given up before this request must be seen to be.
    let ends: Positions = app.commands.log().ends().await?.into_iter().collect();
    app.store.wait_for(Messages::NAME, &ends, PATIENCE).await?;
    let (requeued, mut positions) = requeue(&app, &context, &id).await?;
    let commands = &app.commands;
    let recorded = commands
        .record_retry(&context, id.clone(), requeued)
        .await?;
    let outcome = recorded.map_err(|refusal| refused(&id, &refusal))?;
    positions.insert(outcome.position);
    let headers = [(position::HEADER, position::header_value(&positions))];
    Ok((headers, Json(Retried { requeued })))
}

/// Queues all of them, batch by batch. How many, and where the log says so.
async fn requeue(
    app: &Shared,
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
        let outcomes = app.commands.on_messages(context, commands).await?;
        for outcome in outcomes.into_iter().flatten() {
            requeued += u64::from(outcome.change == Change::Updated);
            positions.insert(outcome.position);
        }
    }
}
