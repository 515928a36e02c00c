//! Data in: customers, orders and activity, one or many.
//!
//! [`payload`] reads the body, [`batch`] cuts it into items, [`item`] makes
//! each a typed value or a problem, [`ingest`] has `commands` carry them out,
//! [`answer`] is what the client gets.

mod answer;
mod batch;
mod customers;
mod events;
mod ingest;
mod item;
mod orders;
mod payload;

use utoipa_axum::router::OpenApiRouter;

use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(customers::routes())
        .merge(orders::routes())
        .merge(events::routes())
}
