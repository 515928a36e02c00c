//! For whoever runs it: views and the log.

mod log;
mod projections;

use utoipa_axum::router::OpenApiRouter;

use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(projections::routes())
        .merge(log::routes())
}
