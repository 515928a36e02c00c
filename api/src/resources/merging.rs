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
    /// Id of the customer who gets everything.
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
    /// Customer who got everything.
    #[schema(value_type = schema::Id)]
    into: String,
    /// Number of orders that were moved, or whose id the other customer has used for
    /// an order of its own, which is kept.
    #[schema(example = 12)]
    orders: u64,
}

/// Merges a customer into another one, as a job.
///
/// The other customer gets all orders and activity. Fields and attributes that it does not
/// have are filled, tags are united, and if one of the two opted out of messages, the other
/// customer has. An order whose id the other customer has used stays out: that one is kept.
/// The merged customer is in no list, segment or figure from then on; messages stay with
/// the customer to whom they were sent. What is sent under the old id later is recorded for
/// the other customer too.
///
/// The merge is recorded when this responds. While it is copied, both customers have
/// `merging`; everything is exact when the job is done. The same request again responds in
/// the same way. A merge cannot be undone.
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
    let counted = loop {
        let document = app.store.customer(customer.as_str()).await?;
        let merge = document.as_ref().and_then(|found| found.merged.as_ref());
        if merge.is_some_and(|merge| merge.open.is_none()) {
            break app.store.count_moved_orders(customer.as_str()).await?;
        }
        sleep(POLL).await;
    };
    let end = end_of(app, &into).await?;
    for view in VIEWS {
        reach(app, view.name(), &end).await?;
    }
    read.count(counted);
    Ok(MergeResponse {
        customer_id: customer.to_string(),
        into: into.to_string(),
        orders: counted,
    })
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
