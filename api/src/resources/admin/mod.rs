//! Operations for administrators: views, quarantine, verification, the log, workers,
//! settings and the demo shop.

pub(crate) mod demo_load;
mod demo_shop;
mod log;
mod projections;
mod quarantine;
pub(crate) mod setting;
mod settings;
pub(crate) mod verification;
mod workers;

use utoipa_axum::router::OpenApiRouter;

use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(projections::routes())
        .merge(log::routes())
        .merge(workers::routes())
        .merge(quarantine::routes())
        .merge(verification::routes())
        .merge(settings::routes())
        .merge(demo_shop::routes())
}
