//! `GET /api/admin/settings`

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::setting::Setting;
use crate::http::after::Satisfied;
use crate::http::extract::Query;
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_settings))
}

/// Settings of the process.
#[derive(Serialize, ToSchema)]
struct Settings {
    /// All settings, in the order of `docs/configuration.md`.
    items: Vec<Setting>,
}

/// Lists the settings of the process that answers, and the source of each value.
///
/// `flag`: the command line. `environment`: a variable. `default`: nothing was set.
/// `deployment`: the first start of the deployment fixed the value. `unset`: there is no
/// value. Secrets are not shown.
#[utoipa::path(
    get,
    path = "/api/admin/settings",
    tag = "Operations",
    params(Satisfied),
    responses((status = 200, description = "The settings", body = Settings))
)]
async fn list_settings(
    State(app): State<AppState>,
    _satisfied: Query<Satisfied>,
) -> Json<Settings> {
    Json(Settings {
        items: app.settings.clone(),
    })
}
