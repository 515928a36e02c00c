//! Handlers of `GET /api/segments/{id}/customers` and
//! `GET /api/segments/{id}/explain`.

use axum::Json;
use axum::extract::State;
use chrono::Utc;
use domain::rules::Verdict;
use domain::{CustomerId, SegmentId, Timestamp};
use projections::customers::Customers;
use projections::segments::{SegmentDocument, Segments};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::missing;
use crate::http::after::After;
use crate::http::extract::{Path, Query};
use crate::http::openapi::NotFound;
use crate::http::paging::{Listed, PageParams};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::resources::customers::{self, CustomerResponse};
use crate::resources::shared::after;
use crate::resources::shared::consistency::{Consistency, Freshness};
use crate::resources::shared::quarantined;
use crate::state::{AppContext, AppState};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ExplainParams {
    /// The customer to explain.
    #[param(inline, value_type = schema::Id)]
    customer_id: CustomerId,
    /// Waits until the views have reached these positions.
    #[param(inline, value_type = Option<schema::Positions>)]
    after: Option<After>,
}

/// Explanation of whether a customer is in a segment.
#[derive(Serialize, ToSchema)]
pub(super) struct Explanation {
    /// The segment.
    #[schema(value_type = schema::SegmentId)]
    segment_id: SegmentId,
    /// The segment's version that was evaluated.
    #[schema(example = 3)]
    version: i64,
    /// The customer.
    #[schema(value_type = schema::Id)]
    customer_id: CustomerId,
    /// `true` if the customer is in the segment.
    matches: bool,
    /// The time that relative dates refer to.
    #[schema(value_type = schema::Time)]
    as_of: Timestamp,
    /// Result of each node of the rules.
    rules: Vec<NodeVerdict>,
}

/// Result of a node of the rules for a customer.
#[derive(Serialize, ToSchema)]
pub(crate) struct NodeVerdict {
    /// JSON pointer to the node in the segment.
    #[schema(example = "/rules/rules/0")]
    pointer: String,
    /// The client's id of the node.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "rule-1")]
    id: Option<String>,
    /// The node as text.
    #[schema(example = "order_count < 3")]
    text: String,
    /// `true` if the customer matches the node.
    matches: bool,
    /// The customer's value; `null` if there is none. Absent for groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(2))]
    value: Option<Value>,
}

/// Lists the customers in a segment, ordered by id.
///
/// On all pages, relative dates refer to the time of the first page.
#[utoipa::path(
    get,
    path = "/api/segments/{id}/customers",
    tag = "Segments",
    params(
        ("id" = inline(schema::SegmentId), Path, description = "The segment's id"),
        PageParams,
        Consistency
    ),
    responses(
        (status = 200, description = "A page of customers", body = Listed<CustomerResponse>),
        NotFound
    )
)]
pub(super) async fn list_members(
    State(app): State<AppState>,
    Path(id): Path<SegmentId>,
    Query(params): Query<PageParams>,
    consistency: Consistency,
) -> Result<Json<Listed<CustomerResponse>>, Problem> {
    let segment = segment(&app, &id, consistency.with(params.after())).await?;
    let page = params.page();
    let now = Timestamp::from(Utc::now());
    let found = app.store.members(&segment.rules, now, &page).await?;
    let currency = app.commands.currency().code();
    let respond = |(id, document)| CustomerResponse::new(id, document, currency);
    let mut members = Listed::from_page(found, respond);
    quarantined::mark(&app, &mut members.items).await?;
    Ok(Json(members))
}

/// Explains why a customer is in a segment or is not, node by node.
#[utoipa::path(
    get,
    path = "/api/segments/{id}/explain",
    tag = "Segments",
    params(
        ("id" = inline(schema::SegmentId), Path, description = "The segment's id"),
        ExplainParams,
        Consistency
    ),
    responses(
        (status = 200, description = "The explanation", body = Explanation),
        NotFound
    )
)]
pub(super) async fn explain(
    State(app): State<AppState>,
    Path(id): Path<SegmentId>,
    Query(params): Query<ExplainParams>,
    consistency: Consistency,
) -> Result<Json<Explanation>, Problem> {
    let segment = segment(&app, &id, consistency.with(params.after.as_ref())).await?;
    let customer_id = params.customer_id;
    let found = app.store.customer(customer_id.as_str()).await?;
    let Some(customer) = found else {
        return Err(customers::missing(&app, &customer_id).await);
    };
    if let Some(merge) = &customer.merged {
        let detail = format!(
            "{customer_id} was merged into {} and is in no segment",
            merge.into
        );
        return Err(Problem::new(ProblemKind::Merged, detail));
    }
    let facts = customer.facts();
    let now = Timestamp::from(Utc::now());
    let verdicts = segment.rules.explain(&facts, now);
    Ok(Json(Explanation {
        segment_id: id,
        version: segment.version,
        customer_id,
        matches: verdicts.first().is_some_and(|whole| whole.matches),
        as_of: now,
        rules: verdicts.into_iter().map(NodeVerdict::from).collect(),
    }))
}

/// Returns the segment, once the views of segments and customers are fresh
/// enough.
async fn segment(
    app: &AppContext,
    id: &SegmentId,
    freshness: Freshness<'_>,
) -> Result<SegmentDocument, Problem> {
    tokio::try_join!(
        after::wait::<Segments>(app, freshness),
        after::wait::<Customers>(app, freshness),
    )?;
    match app.store.segment(id).await? {
        Some(segment) => Ok(segment),
        None => Err(missing(app, id).await),
    }
}

impl NodeVerdict {
    /// Returns whether the customer matches the node.
    pub(crate) fn matches(&self) -> bool {
        self.matches
    }
}

impl From<Verdict<'_>> for NodeVerdict {
    fn from(verdict: Verdict<'_>) -> Self {
        Self {
            pointer: format!("/rules{}", verdict.pointer),
            id: verdict.node.id().map(str::to_owned),
            text: verdict.node.to_string(),
            matches: verdict.matches,
            value: verdict.value,
        }
    }
}
