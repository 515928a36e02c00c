//! `GET /api/orders`

use axum::Json;
use axum::extract::State;
use domain::{CustomerId, OrderItem, Timestamp};
use projections::orders::{OrderDocument, Orders, order_document_id};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::after::After;
use crate::http::extract::Query;
use crate::http::paging::{Limit, Listed, page};
use crate::http::problem::Problem;
use crate::http::schema;
use crate::resources::shared::after;
use crate::resources::shared::consistency::Consistency;
use crate::resources::shared::quarantined::{self, Quarantined, ShowsDocument};
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_orders))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OrderListParams {
    /// Only orders of this customer.
    #[param(inline, value_type = Option<schema::Id>)]
    customer_id: Option<CustomerId>,
    /// Maximum number of items in the page.
    #[param(inline, value_type = Option<schema::Limit>)]
    limit: Option<Limit>,
    /// `next_cursor` of the previous page.
    #[param(inline, value_type = Option<schema::Cursor>)]
    cursor: Option<String>,
    /// Waits until the view has these positions.
    #[param(inline, value_type = Option<schema::Positions>)]
    after: Option<After>,
}

/// An order in its current state.
#[derive(Serialize, ToSchema)]
#[schema(as = Order)]
struct OrderResponse {
    /// Id of the order, unique within its customer.
    #[schema(value_type = schema::Id)]
    order_id: String,
    /// Customer who placed the order.
    #[schema(value_type = schema::Id)]
    customer_id: String,
    /// Total amount in minor units.
    #[schema(value_type = schema::Amount)]
    amount: i64,
    /// Part of `amount` that was paid back. It does not count in figures.
    #[schema(value_type = schema::Amount)]
    refunded_amount: i64,
    /// Currency of all amounts.
    #[schema(value_type = schema::Currency)]
    currency: String,
    /// Time at which the order was placed.
    #[schema(value_type = schema::Time)]
    placed_at: Timestamp,
    /// Status. Only a `placed` order counts in the customer's figures.
    #[schema(value_type = schema::OrderStatus)]
    status: String,
    /// Order lines.
    #[schema(value_type = Vec<ItemSchema>)]
    items: Vec<OrderItem>,
    /// Time at which the last change was recorded.
    #[schema(value_type = schema::Time)]
    updated_at: Timestamp,
    /// Event in quarantine that holds the order back; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    quarantined: Option<Quarantined>,
}

/// Schema of [`OrderItem`].
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OrderItem)]
#[expect(dead_code, reason = "describes a type of the domain")]
pub(crate) struct ItemSchema {
    /// Shop's article number, at most 128 bytes.
    #[schema(value_type = schema::Text128)]
    sku: String,
    /// Name of the article, at most 256 bytes.
    #[schema(value_type = Option<schema::Text256>)]
    name: Option<String>,
    /// Number of units.
    #[schema(value_type = schema::Quantity)]
    quantity: u32,
    /// Unit price in minor units.
    #[schema(value_type = Option<schema::Amount>)]
    unit_amount: Option<i64>,
}

/// Lists orders, newest first.
#[utoipa::path(
    get,
    path = "/api/orders",
    tag = "Orders",
    params(OrderListParams, Consistency),
    responses(
        (status = 200, description = "A page of orders", body = Listed<OrderResponse>)
    )
)]
async fn list_orders(
    State(app): State<AppState>,
    Query(params): Query<OrderListParams>,
    consistency: Consistency,
) -> Result<Json<Listed<OrderResponse>>, Problem> {
    after::wait::<Orders>(&app, consistency.with(params.after.as_ref())).await?;
    let customer = params.customer_id.as_ref().map(CustomerId::as_str);
    let page = page(params.limit, params.cursor);
    let found = app.store.orders(customer, &page).await?;
    let mut orders = Listed::from_page(found, OrderResponse::from);
    quarantined::mark(&app, &mut orders.items).await?;
    Ok(Json(orders))
}

impl From<OrderDocument> for OrderResponse {
    fn from(document: OrderDocument) -> Self {
        Self {
            order_id: document.order_id,
            customer_id: document.customer_id,
            amount: document.amount,
            refunded_amount: document.refunded_amount,
            currency: document.currency,
            placed_at: document.placed_at.to_chrono().into(),
            status: document.status,
            items: document.items,
            updated_at: document.updated_at.to_chrono().into(),
            quarantined: None,
        }
    }
}

impl ShowsDocument for OrderResponse {
    type View = Orders;

    fn document_id(&self) -> String {
        order_document_id(&self.customer_id, &self.order_id)
    }

    fn set_quarantined(&mut self, quarantined: Quarantined) {
        self.quarantined = Some(quarantined);
    }
}
