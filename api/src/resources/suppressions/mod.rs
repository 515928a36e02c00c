//! The suppression list: addresses to which no campaign sends.
//!
//! [`read`] lists it, [`export`] as a table, [`write`] puts addresses on it and takes
//! them off.

mod answer;
mod export;
mod read;
mod write;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(read::list_suppressions, write::suppress))
        .routes(routes!(write::unsuppress))
}
