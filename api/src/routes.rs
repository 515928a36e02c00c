//! The routes of all resources.

use utoipa_axum::router::OpenApiRouter;

use crate::identity::sign_in;
use crate::resources::{
    admin, ai, audit, campaigns, consents, customers, data, delivery, health, imports, jobs, keys,
    merging, metrics, orders, reports, segment_protocol, segments, suppressions, timeline, users,
};
use crate::state::AppState;

/// Merges the routers of all resources. The table in [`crate::identity::access`] has a
/// row for each route.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(health::routes())
        .merge(delivery::routes())
        .merge(sign_in::routes())
        .merge(data::routes())
        .merge(segment_protocol::routes())
        .merge(imports::routes())
        .merge(customers::routes())
        .merge(merging::routes())
        .merge(timeline::routes())
        .merge(consents::routes())
        .merge(orders::routes())
        .merge(reports::routes())
        .merge(segments::routes())
        .merge(campaigns::routes())
        .merge(suppressions::routes())
        .merge(jobs::routes())
        .merge(ai::routes())
        .merge(users::routes())
        .merge(keys::routes())
        .merge(audit::routes())
        .merge(admin::routes())
        .merge(metrics::routes())
}
