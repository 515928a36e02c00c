//! Handler of `POST /api/ai/campaigns/{id}/summary`.

use assist::{Bracket, CampaignResults, builtin};
use axum::Json;
use axum::extract::State;
use domain::{AssistTask, CampaignId};
use projections::campaigns::CampaignDocument;
use serde::Serialize;
use utoipa::ToSchema;

use super::call::{AnsweredBy, Call};
use super::caller::AssistCaller;
use super::campaign;
use crate::http::after::AfterParam;
use crate::http::extract::{Path, Query};
use crate::http::openapi::{Conflict, NotFound};
use crate::http::problem::Problem;
use crate::http::schema;
use crate::resources::campaigns::not_launched;
use crate::resources::shared::after;
use crate::resources::shared::consistency::{Consistency, Freshness};
use crate::state::{AppContext, AppState};

/// Summary of a campaign's results.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignSummary)]
pub(super) struct SummaryResponse {
    /// Summary in one or two sentences; all of its numbers are among the figures.
    #[schema(
        example = "Reached 1,284 customers, 1,140 delivered (89%); customers above $10,000.00 had 95% delivery."
    )]
    summary: String,
    #[serde(flatten)]
    by: AnsweredBy,
    /// The figures behind the summary, from the views.
    figures: FiguresResponse,
}

/// A campaign's figures.
#[derive(Serialize, ToSchema)]
#[schema(as = SummaryFigures)]
struct FiguresResponse {
    /// Number of customers in the audience.
    #[schema(example = 1_300)]
    audience: u64,
    /// Number of messages sent: `sent` plus `failed` of the campaign's
    /// statistics.
    #[schema(example = 1_284)]
    reached: u64,
    /// Number of these messages that were delivered.
    #[schema(example = 1_140)]
    delivered: u64,
    /// Number of these messages that were not delivered, or that the vendor
    /// rejected.
    #[schema(example = 144)]
    failed: u64,
    /// Number of customers whose message was suppressed.
    #[schema(example = 16)]
    suppressed: u64,
    /// Number of messages without a final status.
    #[schema(example = 0)]
    pending: u64,
    /// The currency of all amounts.
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    /// Figures by how much customers have spent, in minor units; empty if all
    /// customers would fall into one bracket.
    brackets: Vec<BracketResponse>,
}

/// Figures of customers whose total spend is within a range.
#[derive(Serialize, ToSchema)]
#[schema(as = SpendBracket)]
struct BracketResponse {
    /// Lower bound, exclusive; `null` for none.
    #[schema(example = 1_000_000)]
    above: Option<i64>,
    /// Upper bound, inclusive; `null` for none.
    up_to: Option<i64>,
    /// Number of messages sent.
    #[schema(example = 200)]
    reached: u64,
    /// Number of these messages that were delivered.
    #[schema(example = 190)]
    delivered: u64,
}

/// Summarizes the results of a campaign in one or two sentences.
#[utoipa::path(
    post,
    path = "/api/ai/campaigns/{id}/summary",
    tag = "AI assistance",
    params(
        ("id" = inline(schema::CampaignId), Path, description = "The campaign's id"),
        AfterParam,
        Consistency
    ),
    responses(
        (status = 200, description = "The summary and its figures", body = SummaryResponse),
        NotFound, Conflict
    )
)]
pub(super) async fn summarize_campaign(
    State(app): State<AppState>,
    AssistCaller(context): AssistCaller,
    Path(id): Path<CampaignId>,
    Query(params): Query<AfterParam>,
    consistency: Consistency,
) -> Result<Json<SummaryResponse>, Problem> {
    let call = Call::begin(&app, context, AssistTask::Summary);
    let mut call = call.with_subject(id.as_str());
    let freshness = consistency.with(params.after());
    let summarized = summarize(&app, &mut call, &id, freshness).await;
    call.end(summarized).await.map(Json)
}

async fn summarize(
    app: &AppState,
    call: &mut Call,
    id: &CampaignId,
    freshness: Freshness<'_>,
) -> Result<SummaryResponse, Problem> {
    let _place = app.assistant.places.wait().await?;
    let document = campaign(app, id, freshness).await?;
    if document.launch.is_none() {
        return Err(not_launched(id));
    }
    after::wait::<projections::messages::Messages>(app, freshness).await?;
    let figures = figures(app, document).await?;
    let asked = call.ask_model(async |model, usage| model.summary(&figures, usage).await);
    let summary = match asked.await {
        Some(summary) => summary,
        None => builtin::summary(&figures),
    };
    call.set_answer(&summary);
    Ok(SummaryResponse {
        summary,
        by: call.answered_by(),
        figures: figures.into(),
    })
}

/// Reads the figures from the views.
async fn figures(app: &AppContext, document: CampaignDocument) -> Result<CampaignResults, Problem> {
    let id = &document.campaign_id;
    let found = app.store.campaign_stats(&[id]).await?.remove(id);
    let counted = found.unwrap_or_default();
    let currency = app.commands.currency();
    let brackets = {
        let _permit = app.previews.wait().await?;
        app.store.spend_brackets(id).await?
    };
    // Counts are never negative; MongoDB has no unsigned integers.
    let count = |number: i64| number.max(0) as u64;
    Ok(CampaignResults {
        name: document.name,
        currency,
        audience: count(counted.audience()),
        sent: count(counted.sent() + counted.failed()),
        delivered: count(counted.delivered()),
        failed: count(counted.failed()),
        suppressed: count(counted.suppressed()),
        pending: count(counted.pending()),
        brackets: brackets
            .into_iter()
            .map(|bracket| Bracket {
                above: bracket.above,
                up_to: bracket.up_to,
                sent: bracket.sent + bracket.failed,
                delivered: bracket.delivered,
            })
            .collect(),
    })
}

impl From<CampaignResults> for FiguresResponse {
    fn from(figures: CampaignResults) -> Self {
        let brackets = figures.brackets.into_iter();
        Self {
            audience: figures.audience,
            reached: figures.sent,
            delivered: figures.delivered,
            failed: figures.failed,
            suppressed: figures.suppressed,
            pending: figures.pending,
            currency: figures.currency.code(),
            brackets: brackets.map(BracketResponse::from).collect(),
        }
    }
}

impl From<Bracket> for BracketResponse {
    fn from(bracket: Bracket) -> Self {
        Self {
            above: bracket.above,
            up_to: bracket.up_to,
            reached: bracket.sent,
            delivered: bracket.delivered,
        }
    }
}
