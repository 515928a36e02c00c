//! Data ingestion: customers, orders and activity, one or many per request.
//!
//! [`ingest`] parses each item of a body into a typed value or a problem and passes
//! the values to `commands`. [`answer`] builds the response. [`kinds`] does the same for
//! the rows of an import, without a request. [`results_body`] writes results while they are sent.
//! [`warning`] names parts of accepted items that had no effect.

pub(crate) mod answer;
pub(crate) mod customers;
pub(crate) mod events;
pub(crate) mod ingest;
pub(crate) mod kinds;
mod orders;
pub(crate) mod results_body;
pub(crate) mod warning;

use utoipa_axum::router::OpenApiRouter;

use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(customers::routes())
        .merge(orders::routes())
        .merge(events::routes())
}
