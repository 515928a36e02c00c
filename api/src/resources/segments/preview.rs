//! Handler of `POST /api/segments/preview`.

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

use crate::http::after::AfterParam;
use crate::http::body::{BodyRules, Input, JsonBody};
use crate::http::deadline::Deadline;
use crate::http::extract::Query;
use crate::http::openapi::Trimmed;
use crate::http::prefer::Prefer;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::identity::caller::Caller;
use crate::resources::customers::CustomerResponse;
use crate::resources::jobs::{JobResponse, LongRequest, respond};
use crate::resources::shared::after;
use crate::resources::shared::consistency::Consistency;
use crate::resources::shared::quarantined;
use crate::resources::shared::rules::{self, RulesSchema};
use crate::state::AppState;

/// Maximum number of customers in a sample.
const MAX_SAMPLE: u64 = 50;

/// Rules to preview before they are saved.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with rules")]
#[schema(as = PreviewIn, example = json!({
    "rules": "total_spend > 100000 AND order_count < 3"
}))]
pub(super) struct SegmentPreviewBody {
    /// Rules that select customers.
    #[schema(value_type = RulesSchema)]
    rules: serde_json::Value,
    /// Number of matching customers to return.
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 0, maximum = 50, default = 5)]
    sample: Option<Sample>,
    /// A time in the past, or the start of a day. The rules are evaluated for
    /// that time, by the events recorded until then.
    #[serde(default)]
    #[schema(value_type = Option<schema::Moment>)]
    as_of: Option<AsOf>,
}

impl Input for SegmentPreviewBody {
    fn check(&self, _: &BodyRules) -> Result<(), Problem> {
        let rules = rules::read("/rules", &self.rules).map(drop);
        let now = Timestamp::from(Utc::now());
        match self.as_of {
            Some(AsOf(as_of)) if as_of > now => {
                let reason = "lies in the future; only the past can be previewed".to_owned();
                let problem = Problem::field(ProblemKind::InvalidField, "/as_of", reason);
                Err(problem.and(rules))
            }
            _ => rules,
        }
    }
}

/// Time, in the form that rules use. A day means its first instant.
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

/// Number of customers in a sample: 0 to 50, by default 5.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "u64")]
pub(crate) struct Sample(usize);

impl Sample {
    /// Returns the number of customers.
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

/// The result of a preview.
#[derive(Serialize, ToSchema)]
#[schema(as = Preview)]
pub(super) struct SegmentPreviewResponse {
    /// Number of customers who match.
    #[schema(example = 5_258)]
    count: u64,
    /// Number of all customers.
    #[schema(example = 23_570)]
    total_customers: u64,
    /// Number of customers with an event in quarantine. With `as_of` they are in
    /// no other count; otherwise they count in their state before that event.
    #[schema(example = 0)]
    undetermined: u64,
    /// Some of the matching customers.
    sample: Vec<CustomerResponse>,
    /// Number of customers who match each node on its own.
    rules: Vec<NodeResponse>,
    /// The rules as text.
    #[schema(example = "total_spend > 100000 AND order_count < 3")]
    text: String,
    /// The time that relative dates refer to. The counts are taken one after the
    /// other, so they can differ by concurrent changes.
    #[schema(value_type = schema::Time)]
    as_of: Timestamp,
    /// Duration of the preview in milliseconds.
    #[schema(example = 12)]
    took_ms: u64,
}

/// Count of a node on its own.
#[derive(Serialize, ToSchema)]
#[schema(as = NodeCount)]
pub(super) struct NodeResponse {
    /// JSON pointer to the node in the request body. For rules given as text,
    /// the pointer in their JSON form.
    #[schema(example = "/rules/rules/0")]
    pointer: String,
    /// The client's id of the node.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "rule-1")]
    id: Option<String>,
    /// The node as text.
    #[schema(example = "order_count < 3")]
    text: String,
    /// Number of customers who match the node.
    #[schema(example = 12_054)]
    count: u64,
}

/// Previews rules: counts the customers who match, and returns some of them.
///
/// Each node is also counted on its own, to show which one narrows the audience.
/// With `as_of` the operation reads the whole log: if that takes long, or if the
/// client prefers it, the response is a job.
#[utoipa::path(
    post,
    path = "/api/segments/preview",
    tag = "Segments",
    params(AfterParam, Consistency, Prefer),
    request_body = SegmentPreviewBody,
    responses(
        (status = 200, description = "The counts and a sample", body = SegmentPreviewResponse),
        (status = 202, description = "Continues as a job", body = JobResponse,
            headers(("Location" = inline(schema::Path), description = "The job's path"))),
        Trimmed
    )
)]
pub(super) async fn preview_rules(
    State(app): State<AppState>,
    Query(params): Query<AfterParam>,
    consistency: Consistency,
    Caller(context): Caller,
    prefer: Prefer,
    Extension(deadline): Extension<Deadline>,
    JsonBody(body): JsonBody<SegmentPreviewBody>,
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
        return preview_past(&app, &context, request, rules, as_of, sample).await;
    }
    let now = Timestamp::from(Utc::now());
    after::wait::<Customers>(&app, consistency.with(params.after())).await?;
    let _permit = app.previews.wait().await?;
    let preview = app.store.preview(&rules, now, sample).await?;
    let currency = app.commands.currency().code();
    let mut preview = SegmentPreviewResponse::new(preview, &rules, now, currency);
    quarantined::mark(&app, &mut preview.sample).await?;
    Ok(Json(preview).into_response())
}

/// Previews rules at a past time, by reading the whole log.
async fn preview_past(
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
        Ok(SegmentPreviewResponse::new(
            preview, &rules, as_of, currency,
        ))
    })
    .await
}

impl SegmentPreviewResponse {
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
