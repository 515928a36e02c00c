//! `GET /api/orders`

use axum::Json;
use axum::extract::State;
use domain::{CustomerId, OrderItem, Timestamp};
use projections::orders::{OrderDocument, Orders};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::after::{self, After};
use crate::extract::Query;
use crate::openapi::ReadProblems;
use crate::paging::{Limit, Listed, page};
use crate::problem::Problem;
use crate::schema;
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only this customer's.
    #[param(schema_with = schema::id)]
    customer_id: Option<CustomerId>,
    /// How many at most.
    #[param(schema_with = schema::limit)]
    limit: Option<Limit>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Waits until the view has these positions.
    #[param(schema_with = schema::positions)]
    after: Option<After>,
}

/// An order as it is now.
#[derive(Serialize, ToSchema)]
#[schema(as = Order)]
struct OrderResponse {
    /// Unique within its customer.
    #[schema(schema_with = schema::id)]
    order_id: String,
    /// Whose.
    #[schema(schema_with = schema::id)]
    customer_id: String,
    /// Its worth in minor units.
    #[schema(schema_with = schema::amount)]
    amount: i64,
    /// In which currency.
    #[schema(schema_with = schema::currency)]
    currency: String,
    /// When it was placed.
    #[schema(schema_with = schema::time)]
    placed_at: Timestamp,
    /// Whether it counts: only a placed one does.
    #[schema(schema_with = schema::order_status)]
    status: String,
    /// Its lines.
    #[schema(value_type = Vec<ItemSchema>)]
    items: Vec<OrderItem>,
    /// When its last change was recorded.
    #[schema(schema_with = schema::time)]
    updated_at: Timestamp,
}

/// How [`OrderItem`] is described.
#[derive(ToSchema)]
#[schema(as = OrderItem)]
#[expect(dead_code, reason = "describes a type of the domain")]
pub(crate) struct ItemSchema {
    /// The shop's article number, at most 128 bytes.
    #[schema(example = "cd-42")]
    sku: String,
    /// What it is called, at most 256 bytes.
    name: Option<String>,
    /// How many.
    #[schema(minimum = 1)]
    quantity: u32,
    /// The price of one in minor units.
    #[schema(minimum = 0)]
    unit_amount: Option<i64>,
}

/// Orders, newest first.
#[utoipa::path(
    get,
    path = "/api/orders",
    tag = "reads",
    params(ListParams),
    responses(
        (status = 200, description = "A page of them", body = Listed<OrderResponse>),
        ReadProblems
    )
)]
async fn list(
    State(app): State<AppState>,
    Query(params): Query<ListParams>,
) -> Result<Json<Listed<OrderResponse>>, Problem> {
    after::wait::<Orders>(&app, params.after.as_ref()).await?;
    let customer = params.customer_id.as_ref().map(CustomerId::as_str);
    let page = page(params.limit, params.cursor);
    let found = app.store.orders(customer, &page).await?;
    Ok(Json(Listed::from_page(found, OrderResponse::from)))
}

impl From<OrderDocument> for OrderResponse {
    fn from(document: OrderDocument) -> Self {
        Self {
            order_id: document.order_id,
            customer_id: document.customer_id,
            amount: document.amount,
            currency: document.currency,
            placed_at: document.placed_at.to_chrono().into(),
            status: document.status,
            items: document.items,
            updated_at: document.updated_at.to_chrono().into(),
        }
    }
}
