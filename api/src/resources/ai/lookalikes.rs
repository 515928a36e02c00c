//! Handler of `GET /api/ai/lookalikes`.

use axum::Json;
use axum::extract::State;
use chrono::Utc;
use domain::{AssistTask, SegmentId, Timestamp};
use projections::analytics::{FeatureDifference, Lookalike, Lookalikes};
use projections::customers::Customers;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::call::{AnsweredBy, Call};
use super::caller::AssistCaller;
use super::rules_of;
use crate::http::after::After;
use crate::http::extract::Query;
use crate::http::openapi::NotFound;
use crate::http::problem::Problem;
use crate::http::schema;
use crate::resources::customers::CustomerResponse;
use crate::resources::shared::after;
use crate::resources::shared::consistency::Consistency;
use crate::resources::shared::quarantined;
use crate::state::AppState;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LookalikesParams {
    /// The segment whose customers to compare with.
    #[param(inline, value_type = schema::SegmentId)]
    segment_id: SegmentId,
    /// The maximum number of customers.
    #[serde(default)]
    #[param(inline, value_type = Option<schema::FewLimit>)]
    limit: Option<LookalikesLimit>,
    /// Waits until the views have reached these positions.
    #[param(inline, value_type = Option<schema::Positions>)]
    after: Option<After>,
}

/// Maximum number of lookalikes: 1 to 100, by default 20.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "u64")]
struct LookalikesLimit(usize);

impl Default for LookalikesLimit {
    fn default() -> Self {
        Self(20)
    }
}

impl TryFrom<u64> for LookalikesLimit {
    type Error = String;

    fn try_from(limit: u64) -> Result<Self, String> {
        match limit {
            1..=100 => Ok(Self(limit as usize)),
            _ => Err(format!("must be 1 to 100, not {limit}")),
        }
    }
}

/// Customers outside a segment who resemble those in it.
#[derive(Serialize, ToSchema)]
#[schema(as = Lookalikes)]
pub(super) struct LookalikesResponse {
    /// The segment.
    #[schema(value_type = schema::SegmentId)]
    segment_id: SegmentId,
    /// Number of customers in the segment. An empty segment has no lookalikes.
    #[schema(example = 1_284)]
    customers: u64,
    #[serde(flatten)]
    by: AnsweredBy,
    /// The most similar customers outside the segment, most similar first.
    items: Vec<LookalikeResponse>,
}

/// A customer who resembles those of a segment.
#[derive(Serialize, ToSchema)]
#[schema(as = Lookalike)]
struct LookalikeResponse {
    /// The customer.
    customer: CustomerResponse,
    /// Distance from the segment's average customer, in standard deviations of
    /// the store; 0 if there is no difference.
    #[schema(example = 0.21)]
    distance: f64,
    /// The features that were compared, closest first. Features that are the
    /// same for all customers are left out.
    features: Vec<FeatureResponse>,
}

/// Comparison of one feature with the segment's average.
#[derive(Serialize, ToSchema)]
#[schema(as = LookalikeFeature)]
struct FeatureResponse {
    /// `days_since_last_order`, `order_count`, `total_spend` in minor units, or
    /// `activities`, the number of activities other than orders.
    #[schema(value_type = schema::Feature)]
    feature: &'static str,
    /// The customer's value; `null` without an order.
    #[schema(example = 12)]
    value: Option<i64>,
    /// The segment's average.
    #[schema(example = 11.4)]
    typical: Option<f64>,
    /// Difference from the average in standard deviations: negative if the
    /// value is less, or if the last order is longer ago.
    #[schema(example = 0.08)]
    difference: f64,
}

/// Lists the customers outside a segment who are most similar to those in it.
#[utoipa::path(
    get,
    path = "/api/ai/lookalikes",
    tag = "AI assistance",
    params(LookalikesParams, Consistency),
    responses(
        (status = 200, description = "The most similar customers", body = LookalikesResponse),
        NotFound
    )
)]
pub(super) async fn list_lookalikes(
    State(app): State<AppState>,
    AssistCaller(context): AssistCaller,
    Query(params): Query<LookalikesParams>,
    consistency: Consistency,
) -> Result<Json<LookalikesResponse>, Problem> {
    let call = Call::begin(&app, context, AssistTask::Lookalikes);
    let call = call.with_subject(params.segment_id.as_str());
    let found = find(&app, &call, params, &consistency).await;
    call.end(found).await.map(Json)
}

async fn find(
    app: &AppState,
    call: &Call,
    params: LookalikesParams,
    consistency: &Consistency,
) -> Result<LookalikesResponse, Problem> {
    let _place = app.assistant.places.wait().await?;
    let segment_id = params.segment_id;
    let freshness = consistency.with(params.after.as_ref());
    let LookalikesLimit(limit) = params.limit.unwrap_or_default();
    let rules = rules_of(app, &segment_id, freshness).await?;
    after::wait::<Customers>(app, freshness).await?;
    let now = Timestamp::from(Utc::now());
    // The permit is held only during the query, which scans customers.
    let found = {
        let _permit = app.previews.wait().await?;
        app.store.lookalikes(&rules, now, limit).await?
    };
    let (customers, items) = match found {
        Lookalikes::NoMembers => (0, Vec::new()),
        Lookalikes::Found { audience, items } => (audience.customers, items),
    };
    let currency = app.commands.currency().code();
    let respond = |found| LookalikeResponse::new(found, currency);
    let mut items: Vec<_> = items.into_iter().map(respond).collect();
    quarantined::mark(app, items.iter_mut().map(|item| &mut item.customer)).await?;
    Ok(LookalikesResponse {
        segment_id,
        customers,
        by: call.answered_by(),
        items,
    })
}

impl LookalikeResponse {
    fn new(found: Lookalike, currency: &'static str) -> Self {
        Self {
            customer: CustomerResponse::new(found.id, found.document, currency),
            distance: rounded(found.distance),
            features: found.features.iter().map(FeatureResponse::from).collect(),
        }
    }
}

impl From<&FeatureDifference> for FeatureResponse {
    fn from(likeness: &FeatureDifference) -> Self {
        Self {
            feature: likeness.feature.name(),
            value: likeness.value,
            typical: likeness.typical.map(rounded),
            difference: rounded(likeness.difference),
        }
    }
}

/// Rounds to three decimal places.
fn rounded(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}
