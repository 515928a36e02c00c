//! Data in: customers, orders and activity, one or many.
//!
//! [`batch`] cuts a body into items, [`ingest`] has each made a typed value or
//! a problem and `commands` carry them out, [`answer`] is what the client gets.

mod answer;
mod batch;
mod customers;
mod events;
mod ingest;
mod orders;

use utoipa_axum::router::OpenApiRouter;

use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(customers::routes())
        .merge(orders::routes())
        .merge(events::routes())
}
