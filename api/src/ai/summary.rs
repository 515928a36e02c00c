//! `POST /api/ai/campaigns/{id}/summary`

use assist::{Bracket, CampaignFigures, builtin};
use axum::Json;
use axum::extract::State;
use domain::{AssistTask, CampaignId};
use projections::campaigns::CampaignDocument;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::AnsweredBy;
use super::call::Call;
use super::caller::Asker;
use super::campaign;
use crate::after::{self, AfterParam, Freshness};
use crate::campaigns::not_launched;
use crate::consistency::Consistency;
use crate::extract::{Path, Query};
use crate::openapi::ChangeProblems;
use crate::problem::Problem;
use crate::schema;
use crate::state::{AppState, Shared, turn};

/// How a campaign went.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignSummary)]
pub(super) struct SummaryResponse {
    /// In a sentence or two, with no number that is not among the figures.
    #[schema(
        example = "Reached 1,284 customers, 1,140 delivered (89%); customers above $10,000.00 had 95% delivery."
    )]
    summary: String,
    #[serde(flatten)]
    by: AnsweredBy,
    /// What it is made of, as the views have it.
    figures: FiguresResponse,
}

/// A campaign's figures.
#[derive(Serialize, ToSchema)]
#[schema(as = SummaryFigures)]
struct FiguresResponse {
    /// How many customers were meant.
    #[schema(example = 1_300)]
    audience: u64,
    /// How many messages went out: `sent` and `failed` of the campaign's
    /// statistics.
    #[schema(example = 1_284)]
    reached: u64,
    /// Those of them that arrived.
    #[schema(example = 1_140)]
    delivered: u64,
    /// Those of them that did not, or that the vendor did not take.
    #[schema(example = 144)]
    failed: u64,
    /// How many customers were not to be written to.
    #[schema(example = 16)]
    suppressed: u64,
    /// How many messages have not ended.
    #[schema(example = 0)]
    pending: u64,
    /// The currency of all amounts.
    #[schema(value_type = schema::Currency)]
    currency: &'static str,
    /// By what customers have spent, in minor units; none if that parts nobody.
    brackets: Vec<BracketResponse>,
}

/// Customers by what they have spent in all.
#[derive(Serialize, ToSchema)]
#[schema(as = SpendBracket)]
struct BracketResponse {
    /// More than this.
    #[schema(example = 1_000_000)]
    above: Option<i64>,
    /// At most this.
    up_to: Option<i64>,
    /// How many messages went out.
    #[schema(example = 200)]
    reached: u64,
    /// Those of them that arrived.
    #[schema(example = 190)]
    delivered: u64,
}

/// Says in a sentence or two how a campaign went.
#[utoipa::path(
    post,
    path = "/api/ai/campaigns/{id}/summary",
    tag = "ai",
    params(
        ("id" = inline(schema::CampaignId), Path, description = "The campaign's id"),
        AfterParam,
        Consistency
    ),
    responses(
        (status = 200, description = "How it went", body = SummaryResponse),
        ChangeProblems
    )
)]
pub(super) async fn summarize_campaign(
    State(app): State<AppState>,
    Asker(context): Asker,
    Path(id): Path<CampaignId>,
    Query(params): Query<AfterParam>,
    consistency: Consistency,
) -> Result<Json<SummaryResponse>, Problem> {
    let call = Call::begin(&app, context, AssistTask::Summary);
    let mut call = call.about(id.as_str());
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
    let _place = turn(&app.assistant.places).await?;
    let document = campaign(app, id, freshness).await?;
    if document.launch.is_none() {
        return Err(not_launched(id));
    }
    after::wait::<projections::messages::Messages>(app, freshness).await?;
    let figures = figures(app, document).await?;
    let asked = call.ask(async |model, usage| model.summary(&figures, usage).await);
    let summary = match asked.await {
        Some(summary) => summary,
        None => builtin::summary(&figures),
    };
    call.told(&summary);
    Ok(SummaryResponse {
        summary,
        by: call.by(),
        figures: figures.into(),
    })
}

/// What the views say of it.
async fn figures(app: &Shared, document: CampaignDocument) -> Result<CampaignFigures, Problem> {
    let id = &document.campaign_id;
    let found = app.store.campaign_stats(&[id]).await?.remove(id);
    let counted = found.unwrap_or_default();
    let currency = app.commands.currency();
    let brackets = {
        let _turn = turn(&app.previews).await?;
        app.store.spend_brackets(id).await?
    };
    // Views count up, one event after the other.
    let count = |number: i64| number.max(0) as u64;
    Ok(CampaignFigures {
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

impl From<CampaignFigures> for FiguresResponse {
    fn from(figures: CampaignFigures) -> Self {
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
