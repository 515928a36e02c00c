//! `/metrics`, and what is counted for it.

use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use domain::Assist;
use metrics::{counter, describe_counter, describe_histogram, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::openapi::ProtectedProblems;
use crate::state::AppState;

const REQUESTS: &str = "http_request_duration_seconds";
const ITEMS: &str = "patron_ingested_items_total";
const ASSISTED: &str = "patron_assists_total";
const TOKENS: &str = "patron_assist_tokens_total";

/// Upper bounds in seconds; the bulk of single writes is to lie under 15 ms.
const BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];

/// A builder of the recorder whose handle [`crate::ApiConfig`] takes, with the
/// buckets of the histograms made here. Install what it builds once per
/// process.
///
/// # Errors
/// Never with the buckets that are set.
pub fn prometheus() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new().set_buckets_for_metric(Matcher::Full(REQUESTS.to_owned()), &BUCKETS)
}

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get_metrics))
}

/// What the metrics are, for whoever reads them.
pub(crate) fn describe() {
    describe_histogram!(
        REQUESTS,
        "Requests answered, by method, route and status; seconds each took"
    );
    describe_counter!(ITEMS, "Items of data in, by kind and outcome");
    describe_counter!(
        ASSISTED,
        "Calls for help in plain words, by task, engine and outcome"
    );
    describe_counter!(TOKENS, "Tokens that models read and wrote");
}

/// A request was answered. Routes are those of the router, so there are few.
pub(crate) fn answered(method: &'static str, route: &str, status: StatusCode, took: Duration) {
    let labels = [
        ("method", method.into()),
        ("route", metrics::SharedString::from(route.to_owned())),
        ("status", status.as_str().to_owned().into()),
    ];
    histogram!(REQUESTS, &labels).record(took);
}

/// Items of one kind came to an outcome.
pub(crate) fn ingested(kind: &'static str, outcome: &'static str, count: u64) {
    counter!(ITEMS, "kind" => kind, "outcome" => outcome).increment(count);
}

/// Metrics in Prometheus's text format.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operation",
    responses(
        (status = 200, description = "Metrics", body = String, content_type = "text/plain"),
        ProtectedProblems
    )
)]
async fn get_metrics(State(app): State<AppState>) -> impl IntoResponse {
    let media_type = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, media_type)], app.metrics.render())
}

/// A call for help ended.
pub(crate) fn assisted(assist: &Assist) {
    let labels = [
        ("task", assist.task.name()),
        ("engine", assist.engine.name()),
        ("outcome", assist.outcome.name()),
    ];
    counter!(ASSISTED, &labels).increment(1);
    counter!(TOKENS, "direction" => "input").increment(assist.input_tokens);
    counter!(TOKENS, "direction" => "output").increment(assist.output_tokens);
}
