//! `POST /api/customers/{id}/merge`

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use commands::MergeRefusal;
use domain::CustomerId;
use eventlog::{Position, Positions};
use projections::customers::Customers;
use projections::{JobKind, LongRead, VIEWS, View, WaitError};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::body::shop_id::shop_id;
use crate::http::body::{BodyRules, Input, JsonBody};
use crate::http::deadline::Deadline;
use crate::http::extract::Path;
use crate::http::openapi::NotFound;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::identity::caller::Caller;
use crate::resources::customers;
use crate::resources::jobs::{JobResponse, LongRequest, respond};
use crate::state::{AppContext, AppState};

/// Interval at which a job looks whether everything is copied.
const POLL: Duration = Duration::from_millis(500);

/// Time that a job waits for a view before it looks again.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(merge_customer))
}

/// The customer that another one is merged into.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with the other customer")]
#[schema(as = MergeIn, example = json!({"into": "c-1001"}))]
struct MergeBody {
    /// Id of the target customer.
    #[serde(deserialize_with = "shop_id")]
    #[schema(value_type = schema::SentId)]
    into: CustomerId,
}

impl Input for MergeBody {
    fn check(&self, _: &BodyRules) -> Result<(), Problem> {
        Ok(())
    }
}

/// Result of a merge.
#[derive(Serialize, ToSchema)]
#[schema(as = Merge)]
pub(crate) struct MergeResponse {
    /// Customer who was merged.
    #[schema(value_type = schema::Id)]
    customer_id: String,
    /// Target customer.
    #[schema(value_type = schema::Id)]
    into: String,
    /// Number of orders that were moved.
    #[schema(example = 12)]
    orders: u64,
    /// Number of orders that were left out, since the target has another order with the
    /// same id.
    #[schema(example = 0)]
    kept_orders: u64,
}

/// Merges a customer into another one, as a job.
///
/// All orders and activity move to the target customer. Empty fields and attributes of the
/// target are filled, and tags are united. If either customer opted out, the target is
/// opted out. If both have an order with the same id, the target's order is kept. The merged
/// customer is no longer in any list, segment or figure; messages stay with the customer
/// to whom they were sent. Later data under the merged customer's id is recorded for the
/// target.
///
/// The merge is recorded when this responds. Both customers have `merging` until everything
/// is copied; all figures are exact when the job is done. Repeating the request changes
/// nothing. A merge cannot be undone.
#[utoipa::path(
    post,
    path = "/api/customers/{id}/merge",
    tag = "Customers",
    params(("id" = inline(schema::Id), Path, description = "Id of the customer who is merged")),
    request_body = MergeBody,
    responses(
        (status = 202, description = "Recorded; copied as a job", body = JobResponse,
            headers(("Location" = inline(schema::Path), description = "The job's path"))),
        NotFound,
        (status = 409, description = "The customer was merged into another one, or the other one into this one",
            body = crate::http::problem::ProblemBody, content_type = "application/problem+json")
    )
)]
async fn merge_customer(
    State(app): State<AppState>,
    Path(id): Path<CustomerId>,
    Caller(context): Caller,
    Extension(deadline): Extension<Deadline>,
    JsonBody(body): JsonBody<MergeBody>,
) -> Result<Response, Problem> {
    for known in [&id, &body.into] {
        require_known(&app, known).await?;
    }
    let merged = app.commands.merge_customer(&context, &id, &body.into);
    let outcome = merged.await?.map_err(|refusal| refused(&id, &refusal))?;
    let request = LongRequest {
        kind: JobKind::Merge,
        subject: id.to_string(),
        after: Positions::default(),
        respond_async: true,
        deadline,
    };
    let copied = app.clone();
    respond(&app, &context, request, move |read| async move {
        wait_until_copied(&copied, id, body.into, outcome.position, &read).await
    })
    .await
}

/// Checks that a customer has been recorded, if only by orders or activity.
///
/// # Errors
/// 404 if not; 503 if the view `customers` is too far behind to tell.
async fn require_known(app: &AppContext, id: &CustomerId) -> Result<(), Problem> {
    let is_known = async || Ok::<_, Problem>(app.store.customer(id.as_str()).await?.is_some());
    if is_known().await? {
        return Ok(());
    }
    // Recorded a moment ago, perhaps.
    let end = end_of(app, id).await?;
    app.store.wait_for(Customers::NAME, &end, PATIENCE).await?;
    match is_known().await? {
        true => Ok(()),
        false => Err(customers::missing(app, id).await),
    }
}

/// Returns the last position of a customer's partition.
async fn end_of(app: &AppContext, id: &CustomerId) -> Result<Positions, Problem> {
    let log = app.commands.log();
    let partition = log.layout().key(String::new(), id.as_str()).partition;
    Ok([log.last(partition).await?].into_iter().collect())
}

fn refused(id: &CustomerId, refusal: &MergeRefusal) -> Problem {
    match refusal {
        MergeRefusal::Itself => Problem::field(
            ProblemKind::InvalidField,
            "/into",
            "a customer cannot be merged into themselves".to_owned(),
        ),
        MergeRefusal::Cycle(_) | MergeRefusal::Merged(_) => {
            let detail = format!("{id} cannot be merged: {refusal}");
            Problem::new(ProblemKind::Merged, detail)
        }
    }
}

/// Waits until everything about a merged customer is copied and all views show it.
async fn wait_until_copied(
    app: &AppContext,
    customer: CustomerId,
    into: CustomerId,
    merged: Position,
    read: &LongRead,
) -> Result<MergeResponse, Problem> {
    reach(app, Customers::NAME, &[merged].into_iter().collect()).await?;
    let mut at = customer.clone();
    // Everything arrives at the customer who is left, along all merges.
    let last = loop {
        let next = wait_until_forwarded(app, &at).await?;
        reach(app, Customers::NAME, &end_of(app, &next).await?).await?;
        if app.commands.merge_of(&next).await?.is_none() {
            break next;
        }
        at = next;
    };
    let end = end_of(app, &last).await?;
    for view in VIEWS {
        reach(app, view.name(), &end).await?;
    }
    let orders = app.store.count_moved_orders(customer.as_str(), false);
    let kept_orders = app.store.count_moved_orders(customer.as_str(), true);
    let (orders, kept_orders) = tokio::try_join!(orders, kept_orders)?;
    read.count(orders + kept_orders);
    Ok(MergeResponse {
        customer_id: customer.to_string(),
        into: into.to_string(),
        orders,
        kept_orders,
    })
}

/// Waits until everything about a merged customer is copied. Returns the other customer.
async fn wait_until_forwarded(app: &AppContext, id: &CustomerId) -> Result<CustomerId, Problem> {
    loop {
        let document = app.store.customer(id.as_str()).await?;
        let merge = document.and_then(|found| found.merged);
        if let Some(merge) = merge.filter(|merge| merge.open.is_none()) {
            // The view has ids of the log, which were checked.
            return CustomerId::try_from(merge.into).map_err(|_| Problem::internal());
        }
        sleep(POLL).await;
    }
}

/// Waits until a view has reached the positions, however long it takes: the job says
/// that it runs, and the operators see the lag.
async fn reach(app: &AppContext, view: &'static str, positions: &Positions) -> Result<(), Problem> {
    loop {
        match app.store.wait_for(view, positions, PATIENCE).await {
            Ok(()) => return Ok(()),
            Err(WaitError::Behind { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
