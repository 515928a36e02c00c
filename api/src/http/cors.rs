//! Cross-origin requests (CORS) of pages whose origins are allowed.
//!
//! An answer to any other page has no CORS header, so a browser does not show it to the
//! page.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use tower::{Layer, ServiceExt};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Time for which a browser may keep the answer to a preflight.
const MAX_AGE: Duration = Duration::from_secs(10 * 60);

/// Methods of the API.
const METHODS: [Method; 6] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];

/// Request headers that the API reads, without those that need no permission.
const REQUEST_HEADERS: [HeaderName; 6] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("patron-consistency"),
    HeaderName::from_static("prefer"),
    HeaderName::from_static("x-request-id"),
];

/// Response headers that a page may read, without those that need no permission.
const RESPONSE_HEADERS: [HeaderName; 8] = [
    header::ALLOW,
    header::CONTENT_DISPOSITION,
    header::LOCATION,
    header::RETRY_AFTER,
    header::WWW_AUTHENTICATE,
    HeaderName::from_static("patron-consistency"),
    HeaderName::from_static("patron-position"),
    HeaderName::from_static("x-request-id"),
];

/// Origins whose pages may use the API, and the layer for their requests.
#[derive(Clone)]
pub(crate) struct Cors(Arc<Allowed>);

struct Allowed {
    origins: Vec<HeaderValue>,
    layer: CorsLayer,
}

impl Cors {
    /// Allows pages of these origins, given as browsers send them.
    pub(crate) fn new(origins: Vec<HeaderValue>) -> Self {
        let layer = CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins.clone()))
            .allow_credentials(true)
            .allow_methods(METHODS)
            .allow_headers(REQUEST_HEADERS)
            .expose_headers(RESPONSE_HEADERS)
            .max_age(MAX_AGE);
        Self(Arc::new(Allowed { origins, layer }))
    }

    /// Returns whether a page of an allowed origin sent the request, for the API or its
    /// description.
    fn applies(&self, request: &Request) -> bool {
        let path = request.uri().path();
        let is_shared = path.starts_with("/api/") || path == "/openapi.json";
        let origin = request.headers().get(header::ORIGIN);
        is_shared && origin.is_some_and(|origin| self.0.origins.contains(origin))
    }
}

/// Middleware that answers preflights of allowed origins, and adds the CORS headers to
/// all other answers to them. It is outside authentication, since browsers send no
/// credential with a preflight, and outside everything that refuses requests, so that
/// pages can read the refusals.
pub(crate) async fn share(State(cors): State<Cors>, request: Request, next: Next) -> Response {
    // The layer would answer any `OPTIONS` request, also one that is not a preflight of an
    // allowed origin.
    if !cors.applies(&request) {
        return next.run(request).await;
    }
    let shared = cors.0.layer.layer(next).oneshot(request).await;
    shared.unwrap_or_else(|never| match never {})
}
