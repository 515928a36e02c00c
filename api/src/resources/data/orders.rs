//! `POST /api/data/orders`

use axum::extract::{Request, State};
use axum::response::Response;
use commands::{CommandError, Context, OrderRecord, Outcome};
use domain::{
    Amount, Currency, CustomerId, MAX_ITEMS, OrderContent, OrderError, OrderId, OrderStatus,
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Ingested;
use super::ingest::{Ingest, Received, ingest};
use crate::http::body::batch::OneOrMany;
use crate::http::body::given_time::GivenTime;
use crate::http::body::shop_id::{optional_shop_id, shop_id};
use crate::http::body::{BodyRules, Input};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::identity::caller::Caller;
use crate::resources::orders::ItemSchema;
use crate::state::{AppContext, AppState};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(post_orders))
}

/// An order in its current state.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an order object")]
#[schema(as = OrderIn, example = json!({
    "order_id": "o-17",
    "customer_id": "c-1001",
    "amount": 1999,
    "currency": "USD",
    "placed_at": "2026-11-23T01:02:03Z",
    "items": [{"sku": "cd-42", "quantity": 1, "unit_amount": 1999}]
}))]
pub(super) struct OrderBody {
    /// Id of the order, unique within its customer.
    #[serde(deserialize_with = "shop_id")]
    #[schema(value_type = schema::SentId)]
    order_id: OrderId,
    /// Customer who placed the order. The customer need not be registered.
    #[serde(deserialize_with = "shop_id")]
    #[schema(value_type = schema::SentId)]
    customer_id: CustomerId,
    /// Total amount in minor units.
    #[schema(value_type = schema::Amount)]
    amount: Amount,
    /// Part of `amount` that was paid back, in minor units. It does not count in
    /// figures. An order counts as an order even if all of it was paid back.
    #[serde(default)]
    #[schema(value_type = schema::Amount, default = 0)]
    refunded_amount: Amount,
    /// Currency; must be the currency of the deployment.
    #[schema(value_type = schema::Currency)]
    currency: Currency,
    /// Time at which the order was placed.
    #[schema(value_type = schema::SentTime)]
    placed_at: GivenTime,
    /// Status. Only a `placed` order counts in the customer's figures.
    #[serde(default)]
    #[schema(value_type = schema::OrderStatus)]
    status: OrderStatus,
    /// Order lines.
    #[serde(default)]
    #[schema(value_type = Vec<ItemSchema>, max_items = 500)]
    items: Vec<domain::OrderItem>,
    /// Another customer under whom this order was recorded before, such as the guest who
    /// placed it: the order moves here and no longer counts there. Later versions under that
    /// customer are ignored, with the outcome `moved`.
    #[serde(default, deserialize_with = "optional_shop_id")]
    #[schema(value_type = Option<schema::SentId>)]
    moved_from: Option<CustomerId>,
    /// Time at which the source last changed the order. An item that is older than what is
    /// recorded changes nothing and is `stale`; one of the same time, or without a time, is
    /// applied. At most five minutes in the future.
    #[serde(default)]
    #[schema(value_type = Option<schema::SentTime>)]
    updated_at: Option<GivenTime>,
}

/// Records orders.
///
/// Repeating an order changes nothing. An order with the same id and different
/// content replaces the content, unless its `updated_at` is older than the recorded
/// one. An order belongs to its customer: the same id under another customer is
/// another order, unless `moved_from` says that it moves. `GET /api/orders?order_id=` finds
/// both.
#[utoipa::path(
    post,
    path = "/api/data/orders",
    tag = "Data ingestion",
    request_body(content(
        (OneOrMany<OrderBody> = "application/json"),
        (String = "application/x-ndjson")
    )),
    responses(
        (status = 202, description = "Durably recorded; of a batch, the items not rejected",
            body = Ingested,
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`")))
    )
)]
async fn post_orders(
    State(app): State<AppState>,
    Caller(context): Caller,
    request: Request,
) -> Result<Response, Problem> {
    ingest::<OrderBody>(&app, &context, request).await
}

impl Input for OrderBody {
    fn check(&self, rules: &BodyRules) -> Result<(), Problem> {
        let (given, expected) = (self.currency, rules.currency);
        let currency = match given == expected {
            true => Ok(()),
            false => Err(refused(&OrderError::Currency { given, expected })),
        };
        let refund = OrderError::check_refund(self.amount, self.refunded_amount);
        let whole = match (currency, refund.map_err(|error| refused(&error))) {
            (Err(problem), other) => Err(problem.and(other)),
            (Ok(()), other) => other,
        };
        if self.moved_from.as_ref() == Some(&self.customer_id) {
            let detail =
                "the order is this customer's already: moved_from is another customer".to_owned();
            let moved_from = Problem::field(ProblemKind::InvalidField, "/moved_from", detail);
            return Err(moved_from.and(whole));
        }
        let count = self.items.len();
        if count > MAX_ITEMS {
            let detail = format!("an order has at most {MAX_ITEMS} items, this one has {count}");
            let items = Problem::field(ProblemKind::InvalidField, "/items", detail);
            return Err(items.and(whole));
        }
        whole
    }
}

impl Ingest for OrderBody {
    const KIND: &'static str = "orders";
    const ID: &'static str = "order_id";
    type Item = OrderRecord;

    fn into_item(self, received: Received) -> Result<(String, OrderRecord), Problem> {
        let id = self.order_id.as_str().to_owned();
        let content = OrderContent {
            amount: self.amount,
            refunded_amount: self.refunded_amount,
            currency: self.currency,
            placed_at: self.placed_at.in_zone(received.rules.zone),
            status: self.status,
            items: self.items,
            updated_at: received.updated_at(self.updated_at)?,
        };
        let item = OrderRecord {
            customer: self.customer_id,
            order: self.order_id,
            content,
            moved_from: self.moved_from,
        };
        Ok((id, item))
    }

    async fn record(
        app: &AppContext,
        context: &Context,
        items: Vec<OrderRecord>,
    ) -> Result<Vec<Result<Outcome, Problem>>, CommandError> {
        let outcomes = app.commands.record_orders(context, items).await?;
        let refused = |outcome: Result<_, OrderError>| outcome.map_err(|error| refused(&error));
        Ok(outcomes.into_iter().map(refused).collect())
    }
}

fn refused(error: &OrderError) -> Problem {
    let pointer = match error {
        OrderError::Currency { .. } => "/currency",
        OrderError::Refund { .. } => "/refunded_amount",
    };
    Problem::field(ProblemKind::Refused, pointer, error.to_string())
}
