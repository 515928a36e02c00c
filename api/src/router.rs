//! All routes and the middleware around them.

use axum::Router;
use axum::middleware::from_fn_with_state;
use utoipa_axum::router::OpenApiRouter;

use crate::auth::sign_in;
use crate::problem::{Problem, ProblemKind};
use crate::state::AppState;
use crate::strict::{self, Contract};
use crate::{
    access, admin, ai, audit, campaigns, customers, data, delivery, health, jobs, keys, metrics,
    middleware, openapi, orders, segments, timeline, users,
};

/// Builds the whole API: routes, middleware, document and interactive page.
pub(crate) fn router(state: AppState) -> Router {
    let (routes, document) = routes().split_for_parts();
    let strict = from_fn_with_state(Contract::new(document), strict::reject_undeclared);
    // A layer wraps the routes added so far, including the fallback. The guard is
    // outside `strict`, so that a client without a valid credential does not learn
    // which parameters an operation has.
    let guarded = routes
        .fallback(not_found)
        .layer(strict.clone())
        .layer(from_fn_with_state(state.clone(), access::guard));
    let open = openapi::browser(state.commands.currency())
        .route_layer(strict)
        .method_not_allowed_fallback(access::method_not_allowed)
        .layer(from_fn_with_state(state.clone(), access::count));
    middleware::wrap(open.merge(guarded), &state).with_state(state)
}

/// Builds all routes that [`access`] has a row for.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(health::routes())
        .merge(delivery::routes())
        .merge(sign_in::routes())
        .merge(data::routes())
        .merge(customers::routes())
        .merge(timeline::routes())
        .merge(orders::routes())
        .merge(segments::routes())
        .merge(campaigns::routes())
        .merge(jobs::routes())
        .merge(ai::routes())
        .merge(users::routes())
        .merge(keys::routes())
        .merge(audit::routes())
        .merge(admin::routes())
        .merge(metrics::routes())
}

async fn not_found() -> Problem {
    Problem::new(ProblemKind::NotFound, "no resource at this path")
}
