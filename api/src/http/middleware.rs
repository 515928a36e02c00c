//! The layers around every request, in the order in which a request passes them.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, Predicate, SizeAbove};
use tower_http::request_id::{PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::validate_request::ValidateRequestHeaderLayer;
use tracing::Instrument;

use super::address::TrustedProxies;
use super::cors::Cors;
use super::deadline::Deadline;
use super::limits::RequestLimit;
use super::problem::{Problem, ProblemKind};
use super::request_id::{self, NewRequestId};
use super::{address, cors, limits, metrics};

/// Route label of a request that matches no route.
pub(crate) const UNMATCHED: &str = "unmatched";

/// Routes that monitoring calls every few seconds, and the files of the console, of which one visit
/// loads many. Their log lines have the level `debug`, unless they fail.
const FREQUENT: [&str; 4] = ["/healthz", "/readyz", "/metrics", console::ASSETS];

/// Smallest response that is compressed, in bytes. Below it, compression costs
/// more than it saves.
const COMPRESS_ABOVE: u64 = 1024;

/// Content security policy of responses that are not pages.
const API_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// Content security policy of `/docs`, which has its own scripts and inline styles.
const BROWSER_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; \
                              img-src 'self' data:; frame-ancestors 'none'";

/// Settings of the layers.
pub(crate) struct LayerSettings {
    pub(crate) trusted_proxies: TrustedProxies,
    /// Origins whose pages may use the API.
    pub(crate) cors: Cors,
    pub(crate) request_timeout: Duration,
    /// Method and path of the operation that limits only how long a client may stall.
    pub(crate) untimed: (&'static str, &'static str),
    /// Places of concurrent requests.
    pub(crate) places: Arc<Semaphore>,
    /// Paths whose requests take no place.
    pub(crate) unlimited: &'static [&'static str],
}

/// Wraps all routes. The layers are one stack and thus one service per route: axum
/// boxes the request's future once for each call of `Router::layer`.
pub(crate) fn wrap<S>(routes: Router<S>, settings: LayerSettings) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let proxies = settings.trusted_proxies;
    let admission = RequestLimit::new(settings.places, settings.unlimited);
    let stack = ServiceBuilder::new()
        // Outermost, so that no other layer can print a credential.
        .layer(SetSensitiveRequestHeadersLayer::new([
            header::AUTHORIZATION,
            header::COOKIE,
        ]))
        .map_request(move |request| address::add_client(request, &proxies))
        // `SetRequestIdLayer` keeps any id that a client sends.
        .map_request(request_id::remove_invalid)
        .layer(SetRequestIdLayer::new(request_id::HEADER, NewRequestId))
        .layer(PropagateRequestIdLayer::new(request_id::HEADER))
        // No content sniffing, no framing, no referrer, no embedding by other origins.
        .layer(set(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(set(header::X_FRAME_OPTIONS, "DENY"))
        .layer(set(header::REFERRER_POLICY, "no-referrer"))
        .layer(set(RESOURCE_POLICY, "same-origin"))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(API_POLICY),
        ))
        .layer(SetResponseHeaderLayer::overriding(
            header::CACHE_CONTROL,
            no_store,
        ))
        // Inside the layers above: it needs the id. Outside the layers below: it
        // serializes and logs their refusals.
        .layer(from_fn(observe))
        .layer(from_fn_with_state(settings.cors, cors::share))
        .layer(ValidateRequestHeaderLayer::custom(limits::check_head_size))
        .layer(from_fn_with_state(
            (settings.request_timeout, settings.untimed),
            limit_time,
        ))
        // Inside the time limit, so that a panic ends only the handler.
        .layer(CatchPanicLayer::custom(report_panic))
        .layer(
            CompressionLayer::new()
                .compress_when(DefaultPredicate::new().and(SizeAbove::new(COMPRESS_ABOVE))),
        )
        // Innermost: a response that is being compressed needs no place any more.
        .layer(from_fn_with_state(admission, limits::admit));
    routes.layer(stack)
}

/// The header `Cross-Origin-Resource-Policy`.
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

fn set(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value))
}

/// Layer for the pages of `/docs`.
pub(crate) fn page_policy() -> SetResponseHeaderLayer<HeaderValue> {
    set(header::CONTENT_SECURITY_POLICY, BROWSER_POLICY)
}

/// Returns the `Cache-Control` that keeps a response out of caches; `None` for a page
/// with its own policy.
fn no_store(response: &Response) -> Option<HeaderValue> {
    let is_page = response
        .headers()
        .contains_key(header::CONTENT_SECURITY_POLICY);
    (!is_page).then(|| HeaderValue::from_static("no-store"))
}

/// Logs and measures a request, and serializes its problem.
///
/// `TraceLayer` is not used: its callback for a response does not have the request's
/// method and route, which the metrics need.
async fn observe(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request.extensions().get::<RequestId>().cloned();
    let id = id.as_ref().map(request_id::as_str).unwrap_or_default();
    let method = method_label(request.method());
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
    let span = tracing::info_span!("request", request.id = id, method, route);
    async {
        let mut response = next.run(request).await;
        if let Some(problem) = problem_of(&mut response) {
            problem.write(&mut response, id);
        }
        let took = started.elapsed();
        metrics::record_request(method, route, response.status(), took);
        let ms = (took.as_secs_f64() * 1e5).round() / 1e2;
        match response.status().as_u16() {
            status @ 500.. => tracing::warn!(status, ms, "request completed"),
            status if FREQUENT.contains(&route) => tracing::debug!(status, ms, "request completed"),
            status => tracing::info!(status, ms, "request completed"),
        }
        response
    }
    .instrument(span)
    .await
}

/// Returns the method's label. All unusual methods share one, so that clients cannot
/// create new metric series.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

/// Returns the problem of a response: the handler's own, or a generic one for an
/// error of a library that has no JSON body.
fn problem_of(response: &mut Response) -> Option<Problem> {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        tracing::debug!(problem = problem.kind().slug(), "request refused");
        return Some(problem);
    }
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    let media_type = response.headers().get(header::CONTENT_TYPE);
    let json = media_type.is_some_and(|value| value == "application/json");
    (!json).then(|| Problem::of_status(status))
}

/// Answers a request that takes too long.
///
/// `TimeoutLayer` is not used: it answers without a problem, and handlers need the
/// deadline to stop waiting in time for their writes.
async fn limit_time(
    State((limit, untimed)): State<(Duration, (&'static str, &'static str))>,
    mut request: Request,
    next: Next,
) -> Response {
    let deadline = Deadline::after(limit);
    request.extensions_mut().insert(deadline);
    let path = request.extensions().get::<MatchedPath>();
    let path = path.map_or(UNMATCHED, MatchedPath::as_str);
    if (request.method().as_str(), path) == untimed {
        return next.run(request).await;
    }
    let answer = tokio::time::timeout_at(deadline.at(), next.run(request));
    answer.await.unwrap_or_else(|_elapsed| {
        let limit = limit.as_secs_f32();
        let detail = format!("the request took longer than {limit} s; it is safe to retry");
        Problem::new(ProblemKind::Timeout, detail).into_response()
    })
}

/// Returns the response to a request whose handler panicked. The panic hook has
/// printed the message.
fn report_panic(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("handler panicked");
    Problem::internal().into_response()
}
