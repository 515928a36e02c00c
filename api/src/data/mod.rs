//! Data in: customers, orders and activity, one or many.
//!
//! [`ingest`] has each item of a body made a typed value or a problem and
//! `commands` carry them out, [`answer`] is what the client gets.

pub(crate) mod answer;
mod customers;
mod events;
pub(crate) mod ingest;
mod orders;

use utoipa_axum::router::OpenApiRouter;

use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(customers::routes())
        .merge(orders::routes())
        .merge(events::routes())
}
