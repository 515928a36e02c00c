//! `POST /api/segments/preview`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use chrono::Utc;
use commands::Context;
use domain::Timestamp;
use domain::rules::{Moment, Rules};
use projections::customers::{Customers, NodeCount, Preview, preview_at};
use projections::{JobKind, require_whole};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::after::{self, AfterParam};
use crate::body::{Input, JsonBody};
use crate::caller::Caller;
use crate::consistency::Consistency;
use crate::customers::CustomerResponse;
use crate::deadline::Deadline;
use crate::extract::Query;
use crate::jobs::{JobResponse, LongRequest, respond};
use crate::openapi::PastProblems;
use crate::prefer::Prefer;
use crate::problem::{Problem, ProblemKind};
use crate::quarantined;
use crate::rules::{self, RulesSchema};
use crate::schema;
use crate::state::{AppState, Shared, turn};

/// The most customers that a sample has.
const MAX_SAMPLE: u64 = 50;

/// Rules to look at before anybody saves them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with rules")]
#[schema(as = PreviewIn, example = json!({
    "rules": "total_spend > 100000 AND order_count < 3"
}))]
pub(super) struct PreviewBody {
    /// Which customers are meant.
    #[schema(value_type = RulesSchema)]
    rules: serde_json::Value,
    /// How many of them to show.
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 0, maximum = 50, default = 5)]
    sample: Option<Sample>,
    /// An instant that has passed, or the beginning of a day: who would have
    /// matched then, by what had been recorded until then.
    #[serde(default)]
    #[schema(value_type = Option<schema::Moment>)]
    as_of: Option<AsOf>,
}

impl Input for PreviewBody {
    fn check(&self, _: &Shared) -> Result<(), Problem> {
        let rules = rules::read("/rules", &self.rules).map(drop);
        let now = Timestamp::from(Utc::now());
        match self.as_of {
            Some(AsOf(as_of)) if as_of > now => {
                let reason = "lies in the future; nobody knows who will match then".to_owned();
                let problem = Problem::field(ProblemKind::InvalidField, "/as_of", reason);
                Err(problem.and(rules))
            }
            _ => rules,
        }
    }
}

/// An instant, written as rules write one; of a day its first.
#[derive(Deserialize, Clone, Copy)]
#[serde(try_from = "String")]
struct AsOf(Timestamp);

impl TryFrom<String> for AsOf {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let moment = Moment::parse(&text).ok_or("is neither a date nor a time")?;
        let first = Timestamp::from_millis(moment.first());
        first.map(Self).map_err(|_| "is neither a date nor a time")
    }
}

/// How many customers to show.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "u64")]
pub(crate) struct Sample(usize);

impl Sample {
    pub(crate) fn size(self) -> usize {
        self.0
    }
}

impl Default for Sample {
    fn default() -> Self {
        Self(5)
    }
}

impl TryFrom<u64> for Sample {
    type Error = String;

    fn try_from(size: u64) -> Result<Self, String> {
        match size {
            0..=MAX_SAMPLE => Ok(Self(size as usize)),
            _ => Err(format!("must be 0 to {MAX_SAMPLE}, not {size}")),
        }
    }
}

/// What rules come to.
#[derive(Serialize, ToSchema)]
#[schema(as = Preview)]
pub(super) struct PreviewResponse {
    /// How many customers match.
    #[schema(example = 5_258)]
    count: u64,
    /// How many customers there are.
    #[schema(example = 23_570)]
    total_customers: u64,
    /// How many customers have an event in quarantine. With `as_of` they are in
    /// no other figure; otherwise they count as they were before that event.
    #[schema(example = 0)]
    undetermined: u64,
    /// Some who match.
    sample: Vec<CustomerResponse>,
    /// How many match each node alone.
    rules: Vec<NodeResponse>,
    /// The rules as a text.
    #[schema(example = "total_spend > 100000 AND order_count < 3")]
    text: String,
    /// The instant that relative dates were worked out for. The counts are
    /// taken one after the other: while customers change, they may differ by
    /// what came in meanwhile.
    #[schema(value_type = schema::Time)]
    as_of: Timestamp,
    /// How long it took, in milliseconds.
    #[schema(example = 12)]
    took_ms: u64,
}

/// A node alone.
#[derive(Serialize, ToSchema)]
#[schema(as = NodeCount)]
pub(super) struct NodeResponse {
    /// Where it stands in the body. Of rules given as a text, where it would
    /// stand if they were given as JSON.
    #[schema(example = "/rules/rules/0")]
    pointer: String,
    /// What the client calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "rule-1")]
    id: Option<String>,
    /// It as a text.
    #[schema(example = "order_count < 3")]
    text: String,
    /// How many customers match it.
    #[schema(example = 12_054)]
    count: u64,
}

/// Counts whom rules match, as a whole and node by node, and shows some.
///
/// With `as_of` it reads all of the log: if that takes long, or the client
/// prefers it, the answer is a job.
#[utoipa::path(
    post,
    path = "/api/segments/preview",
    tag = "segments",
    params(AfterParam, Consistency, Prefer),
    request_body = PreviewBody,
    responses(
        (status = 200, description = "What they come to", body = PreviewResponse),
        (status = 202, description = "It continues as a job", body = JobResponse,
            headers(("Location" = String, description = "The job's path"))),
        PastProblems
    )
)]
pub(super) async fn preview_rules(
    State(app): State<AppState>,
    Query(params): Query<AfterParam>,
    consistency: Consistency,
    Caller(context): Caller,
    prefer: Prefer,
    Extension(deadline): Extension<Deadline>,
    JsonBody(body): JsonBody<PreviewBody>,
) -> Result<Response, Problem> {
    let rules = rules::read("/rules", &body.rules)?;
    let Sample(sample) = body.sample.unwrap_or_default();
    if let Some(AsOf(as_of)) = body.as_of {
        let request = LongRequest {
            kind: JobKind::Preview,
            subject: format!("{}/{sample}/{}", as_of.millis(), body.rules),
            after: params.positions(),
            respond_async: prefer.respond_async,
            deadline,
        };
        return in_the_past(&app, &context, request, rules, as_of, sample).await;
    }
    let now = Timestamp::from(Utc::now());
    after::wait::<Customers>(&app, consistency.with(params.after())).await?;
    let _turn = turn(&app.previews).await?;
    let preview = app.store.preview(&rules, now, sample).await?;
    let currency = app.commands.currency().code();
    let mut preview = PreviewResponse::new(preview, &rules, now, currency);
    quarantined::mark(&app, &mut preview.sample).await?;
    Ok(Json(preview).into_response())
}

/// Reads the whole log.
async fn in_the_past(
    app: &AppState,
    context: &Context,
    request: LongRequest,
    rules: Rules,
    as_of: Timestamp,
    sample: usize,
) -> Result<Response, Problem> {
    require_whole(app.commands.log()).await?;
    let reading = app.clone();
    respond(app, context, request, |read| async move {
        let (log, currency) = (reading.commands.log(), reading.commands.currency().code());
        let preview = preview_at(&reading.store, log, &rules, as_of, sample, &read).await?;
        Ok(PreviewResponse::new(preview, &rules, as_of, currency))
    })
    .await
}

impl PreviewResponse {
    fn new(preview: Preview, rules: &Rules, as_of: Timestamp, currency: &'static str) -> Self {
        let sample = preview.sample.into_iter();
        Self {
            count: preview.count,
            total_customers: preview.total,
            undetermined: preview.undetermined,
            sample: sample
                .map(|(id, document)| CustomerResponse::new(id, document, currency))
                .collect(),
            rules: preview.nodes.into_iter().map(NodeResponse::from).collect(),
            text: rules.to_string(),
            as_of,
            took_ms: preview.took.as_millis() as u64,
        }
    }
}

impl From<NodeCount> for NodeResponse {
    fn from(node: NodeCount) -> Self {
        Self {
            pointer: format!("/rules{}", node.pointer),
            id: node.id,
            text: node.text,
            count: node.count,
        }
    }
}
