//! `GET` and `POST /api/customers/{id}/consents`: consents and opt-outs of a customer.
//!
//! They are events of the customer, and are read from the log: no view keeps them.

mod history;
mod list;
mod record;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list::list_consents, record::record_consent))
}
