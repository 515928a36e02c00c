//! `GET /api/orders`

use axum::Json;
use axum::extract::State;
use domain::{CustomerId, OrderId, OrderItem, Timestamp};
use projections::orders::{OrderDocument, OrderFilter, Orders, order_document_id};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::after::After;
use crate::http::extract::Query;
use crate::http::paging::{Limit, page};
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
    /// Only orders with this id. Customers may have orders of the same id: an order that
    /// was sent under two customers is two orders. An order that was moved is listed with
    /// both.
    #[param(inline, value_type = Option<schema::Id>)]
    order_id: Option<OrderId>,
    /// Order of the list.
    #[param(inline, value_type = Option<schema::OrderListOrder>)]
    order_by: Option<ListOrder>,
    /// Maximum number of items in the page.
    #[param(inline, value_type = Option<schema::Limit>)]
    limit: Option<Limit>,
    /// `next_cursor` of the previous page, or `resume_cursor` of the last one. A cursor
    /// belongs to its `order_by`.
    #[param(inline, value_type = Option<schema::Cursor>)]
    cursor: Option<String>,
    /// Waits until the view has these positions.
    #[param(inline, value_type = Option<schema::Positions>)]
    after: Option<After>,
}

/// Order in which orders are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ListOrder {
    #[default]
    Newest,
    Recorded,
    Changed,
}

/// A page of orders.
#[derive(Serialize, ToSchema)]
#[schema(as = OrderList)]
struct OrderPage {
    /// Orders, in the order of the list.
    items: Vec<OrderResponse>,
    /// Cursor of the next page; `null` on the last page.
    #[schema(example = "5b313736343538323430303030302c22632d312f6f2d3137225d")]
    next_cursor: Option<String>,
    /// With `order_by=changed`, on the last page: the cursor of the changes that are
    /// recorded later.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<schema::Cursor>)]
    resume_cursor: Option<String>,
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
    /// `updated_at` that was sent with the order: the time at which its source last
    /// changed it. Absent if none was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Time>, nullable = false)]
    source_updated_at: Option<Timestamp>,
    /// Customer who has the order now; absent unless it was moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Id>, nullable = false)]
    moved_to: Option<String>,
    /// `true` if `moved_to` has another order of this id, which was kept in a merge: this
    /// one counts for nobody. Absent otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    left_out: bool,
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
///
/// An order that was moved to another customer is listed there alone, unless one id is
/// selected or the list is ordered for mirrors: then the old one has `moved_to`.
///
/// Pages of this list may miss or repeat orders that change meanwhile. Clients that mirror
/// the orders use another order. With `order_by=recorded`, orders are in the order in which
/// they were recorded, per partition of the log: pages miss and repeat no order that
/// existed at the first page. With `order_by=changed`, they are in the order of their last
/// change: pages miss no change, and may repeat an order. The last page has a
/// `resume_cursor`, with which later changes are read. Cursors stay valid during rebuilds
/// of the view.
#[utoipa::path(
    get,
    path = "/api/orders",
    tag = "Orders",
    params(OrderListParams, Consistency),
    responses(
        (status = 200, description = "A page of orders", body = OrderPage)
    )
)]
async fn list_orders(
    State(app): State<AppState>,
    Query(params): Query<OrderListParams>,
    consistency: Consistency,
) -> Result<Json<OrderPage>, Problem> {
    after::wait::<Orders>(&app, consistency.with(params.after.as_ref())).await?;
    let filter = OrderFilter {
        customer: params.customer_id.map(String::from),
        order: params.order_id.map(String::from),
    };
    let page = page(params.limit, params.cursor);
    let (store, log) = (&app.store, app.commands.log());
    let (found, resume_cursor) = match params.order_by.unwrap_or_default() {
        ListOrder::Newest => (store.orders(&filter, &page).await?, None),
        ListOrder::Recorded => (store.orders_as_recorded(&filter, &page).await?, None),
        ListOrder::Changed => {
            let changed = store.orders_as_changed(log, &filter, &page).await?;
            (changed.page, changed.resume_cursor)
        }
    };
    let mut items: Vec<_> = found.items.into_iter().map(OrderResponse::from).collect();
    quarantined::mark(&app, &mut items).await?;
    Ok(Json(OrderPage {
        items,
        next_cursor: found.next_cursor,
        resume_cursor,
    }))
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
            source_updated_at: document.source_updated_at.map(|at| at.to_chrono().into()),
            moved_to: document.moved_to,
            left_out: document.left_out,
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
