//! All routes and the middleware around them.

use std::sync::Arc;

use axum::http::Request;
use axum::middleware::from_fn_with_state;
use axum::{Extension, Router};
use tokio::sync::Semaphore;
use tower::ServiceBuilder;

use crate::http::middleware;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::strict::{self, Contract};
use crate::identity::access;
use crate::openapi;
use crate::resources::segment_protocol::credential;
use crate::resources::shared::{answers, consistency};
use crate::resources::{delivery, imports};
use crate::routes::routes;
use crate::state::AppState;

/// Paths of the health checks, which are answered under any load.
const HEALTH: [&str; 2] = ["/healthz", "/readyz"];

/// Paths without a limit on concurrent requests. Health checks are answered under any
/// load, and the handler of receipts takes a place after it has verified the signature,
/// so that unsigned posts cannot use up the places.
const UNLIMITED: [&str; 3] = ["/healthz", "/readyz", delivery::PATH];

/// Builds the whole API: routes, middleware, document, interactive page and console.
pub(crate) fn router(state: AppState) -> Router {
    let (routes, document) = routes().split_for_parts();
    let strict = from_fn_with_state(Contract::new(document), strict::reject_undeclared);
    let identity = state.identity.clone();
    // The guard is outside `strict`, so that a client without a valid credential does
    // not learn which parameters an operation has. `count` and `follow` need the guard's actor.
    let stack = ServiceBuilder::new()
        .layer(from_fn_with_state(state.clone(), credential::translate))
        .layer(from_fn_with_state(identity.clone(), access::guard))
        .layer(from_fn_with_state(state.clone(), answers::count))
        .layer(from_fn_with_state(state.clone(), consistency::follow))
        .layer(strict.clone());
    // A layer wraps the routes added so far, including the fallback.
    let guarded = routes.fallback(not_found).layer(stack);
    let open = openapi::browser(state.commands.currency())
        .route_layer(strict)
        .method_not_allowed_fallback(access::method_not_allowed)
        .layer(from_fn_with_state(identity, access::count));
    // Not rate limited: one visit loads many files, all visitors behind a proxy may share an
    // address, and a file costs no more than a refusal.
    let files = match state.has_console {
        true => console::pages().merge(console::types()),
        false => console::types(),
    };
    let files = files.method_not_allowed_fallback(access::method_not_allowed);
    let settings = settings(&state, state.places.clone());
    middleware::wrap(open.merge(files).merge(guarded), settings).with_state(state)
}

fn settings(state: &AppState, places: Arc<Semaphore>) -> middleware::LayerSettings {
    middleware::LayerSettings {
        trusted_proxies: state.trusted_proxies.clone(),
        cors: state.cors.clone(),
        request_timeout: state.request_timeout,
        // A large file takes longer than any other request.
        untimed: ("POST", imports::UPLOAD_PATH),
        places,
        unlimited: &UNLIMITED,
    }
}

/// Builds the answers to requests that get no further: each has its [`Problem`] as an extension.
/// They have the same headers, metrics and log lines as all other answers.
pub(crate) fn refusals(state: &AppState) -> Router {
    let settings = settings(state, Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)));
    middleware::wrap(Router::new().fallback(refuse), settings)
}

async fn refuse(Extension(problem): Extension<Problem>) -> Problem {
    problem
}

/// Returns whether a request may use one of the spare connections.
pub(crate) fn is_health_check<B>(request: &Request<B>) -> bool {
    HEALTH.contains(&request.uri().path())
}

async fn not_found() -> Problem {
    Problem::new(ProblemKind::NotFound, "no resource at this path")
}
