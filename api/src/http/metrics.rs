//! Metrics that the API records.

use std::time::Duration;

use axum::http::StatusCode;
use domain::Assist;
use metrics::{counter, describe_counter, describe_histogram, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};

const REQUESTS: &str = "http_request_duration_seconds";
const ITEMS: &str = "patron_ingested_items_total";
const ASSISTED: &str = "patron_assists_total";
const TOKENS: &str = "patron_assist_tokens_total";

/// Upper bounds of the histogram in seconds. The target for most single writes is
/// below 15 ms.
const BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];

/// Returns a builder with the buckets of the API's histograms. Install its recorder
/// once per process, and pass the handle to [`crate::ApiConfig`].
///
/// # Errors
/// None in practice: the buckets are valid constants.
pub fn prometheus() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new().set_buckets_for_metric(Matcher::Full(REQUESTS.to_owned()), &BUCKETS)
}

/// Registers the help texts of the metrics.
pub(crate) fn describe() {
    describe_histogram!(
        REQUESTS,
        "Duration of requests in seconds, by method, route and status"
    );
    describe_counter!(ITEMS, "Ingested items, by kind and outcome");
    describe_counter!(ASSISTED, "Assistance calls, by task, engine and outcome");
    describe_counter!(
        TOKENS,
        "Tokens that language models read and wrote, by direction"
    );
}

/// Records an answered request. The label is the matched route and not the path, so
/// that the number of series is bounded.
pub(crate) fn record_request(
    method: &'static str,
    route: &str,
    status: StatusCode,
    took: Duration,
) {
    let labels = [
        ("method", method.into()),
        ("route", metrics::SharedString::from(route.to_owned())),
        ("status", status.as_str().to_owned().into()),
    ];
    histogram!(REQUESTS, &labels).record(took);
}

/// Counts ingested items of one kind with one outcome.
pub(crate) fn count_items(kind: &'static str, outcome: &'static str, count: u64) {
    counter!(ITEMS, "kind" => kind, "outcome" => outcome).increment(count);
}

/// Counts an assistance call that has ended, and its tokens.
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
