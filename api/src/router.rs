//! All routes, and what stands before them.

use axum::Router;
use axum::middleware::from_fn_with_state;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, Predicate, SizeAbove};
use utoipa_axum::router::OpenApiRouter;

use crate::problem::{Problem, ProblemKind};
use crate::state::AppState;
use crate::{
    admin, audit, auth, campaigns, customers, data, delivery, health, keys, metrics, observe,
    openapi, orders, segments, timeline, users,
};

/// Below this many bytes compressing costs more than it saves.
const COMPRESS_ABOVE: u64 = 1024;

/// The whole API.
pub(crate) fn router(state: AppState) -> Router {
    let (open, _) = open().split_for_parts();
    let (protected, _) = protected().split_for_parts();
    // Layers go around what is there already, the fallbacks included.
    let protected = protected
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(state.clone(), auth::require));
    let compression = CompressionLayer::new()
        .compress_when(DefaultPredicate::new().and(SizeAbove::new(COMPRESS_ABOVE)));
    open.merge(openapi::browser())
        .method_not_allowed_fallback(method_not_allowed)
        .merge(protected)
        .layer(compression)
        .layer(from_fn_with_state(state.clone(), observe::observe))
        .with_state(state)
}

/// What needs no credential.
pub(crate) fn open() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(health::routes())
        .merge(delivery::routes())
}

/// What needs one.
pub(crate) fn protected() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(data::routes())
        .merge(customers::routes())
        .merge(timeline::routes())
        .merge(orders::routes())
        .merge(segments::routes())
        .merge(campaigns::routes())
        .merge(users::routes())
        .merge(keys::routes())
        .merge(audit::routes())
        .merge(admin::routes())
        .merge(metrics::routes())
}

async fn not_found() -> Problem {
    Problem::new(ProblemKind::NotFound, "there is nothing at this path")
}

async fn method_not_allowed() -> Problem {
    let detail = "this path does not take the request's method; see the header Allow";
    Problem::new(ProblemKind::MethodNotAllowed, detail)
}
