//! Outermost middleware: request id, span and time limit, and the headers, metrics
//! and log line of the response.
//!
//! All of this is one layer, since each layer adds cost to every request.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use tracing::Instrument;

use crate::deadline::Deadline;
use crate::problem::{Problem, ProblemKind};
use crate::request_id::{self, RequestId};
use crate::state::AppState;
use crate::{address, limits, metrics};

/// Route label of a request that matches no route.
pub(crate) const UNMATCHED: &str = "unmatched";

/// Security headers of every response: no content sniffing, no framing, no referrer,
/// no embedding by other origins.
const PROTECTIVE: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Content security policy of responses that are not pages.
const API_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// Content security policy of `/docs`, which has its own scripts and inline styles.
const BROWSER_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; \
                              img-src 'self' data:; frame-ancestors 'none'";

/// Middleware that runs around every request.
pub(crate) async fn observe(
    State(app): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let id = RequestId::from_headers(request.headers());
    let method = method_label(request.method());
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
    let span = tracing::info_span!("request", request.id = id.as_str(), method, route);
    let client = address::client(&request, &app.trusted_proxies);
    redact(request.headers_mut());
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(client);
    let deadline = Deadline::after(app.request_timeout);
    request.extensions_mut().insert(deadline);
    async {
        let mut response = answer(app.request_timeout, request, next).await;
        finish(&mut response, id, route);
        report(response.status(), method, route, started.elapsed());
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

/// Marks credentials as sensitive, so that `Debug` output omits them.
fn redact(headers: &mut HeaderMap) {
    for name in [header::AUTHORIZATION, header::COOKIE] {
        if let Some(secret) = headers.get_mut(name) {
            secret.set_sensitive(true);
        }
    }
}

async fn answer(limit: Duration, request: Request, next: Next) -> Response {
    if let Err(problem) = limits::check_head_size(&request) {
        return problem.into_response();
    }
    // Unwind safe: the state of a handler that panicked is dropped, not reused.
    let answering = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(limit, answering).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            tracing::error!("handler panicked");
            Problem::internal().into_response()
        }
        Err(_) => {
            let detail = format!(
                "the request took longer than {} s; it is safe to retry",
                limit.as_secs_f32()
            );
            Problem::new(ProblemKind::Timeout, detail).into_response()
        }
    }
}

fn finish(response: &mut Response, id: RequestId, route: &str) {
    if let Some(problem) = problem_of(response) {
        problem.write(response, id.as_str());
    }
    let headers = response.headers_mut();
    headers.insert(request_id::HEADER, id.into_header());
    for (name, value) in PROTECTIVE {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let policy = match route.starts_with("/docs") {
        true => BROWSER_POLICY,
        false => {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            API_POLICY
        }
    };
    let policy = HeaderValue::from_static(policy);
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
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

/// Records the metrics and the log line of a response.
fn report(status: StatusCode, method: &'static str, route: &str, took: Duration) {
    metrics::record_request(method, route, status, took);
    let ms = (took.as_secs_f64() * 1e5).round() / 1e2;
    let status = status.as_u16();
    if status >= 500 {
        tracing::warn!(status, ms, "request completed");
    } else {
        tracing::info!(status, ms, "request completed");
    }
}
