//! `/healthz`, `/readyz`, `/metrics`

use serde_json::json;

use super::order;
use crate::support::app::App;

#[tokio::test]
async fn all_is_well() {
    let app = App::start().await;
    let healthy = app.client.get("/healthz").await;
    assert_eq!(
        (healthy.status, healthy.body),
        (200, json!({"status": "ok"}))
    );
    let ready = app.client.readiness(200).await;
    assert_eq!(
        ready,
        json!({"status": "ready", "checks": [
            {"name": "redis", "ok": true},
            {"name": "log", "ok": true},
            {"name": "mongodb", "ok": true},
            {"name": "memory", "ok": true},
            {"name": "views", "ok": true},
        ]})
    );
}

/// The value of the series whose line starts with that.
fn value(metrics: &str, start: &str) -> Option<f64> {
    let line = metrics.lines().find_map(|line| line.strip_prefix(start))?;
    line.trim().parse().ok()
}

#[tokio::test]
async fn metrics_count_requests_and_items() {
    let app = App::without_workers().await;
    let batch = json!([
        order("c-1", "o-1", 1),
        order("c-1", "o-1", 1),
        order("c-1", "o-2", -1)
    ]);
    app.client.post("/api/data/orders", batch).await;
    app.client.get("/api/customers/c-1").await;
    app.client.get("/api/customers/c-2").await;
    app.client.get("/nothing/at/all").await;

    let answer = app.client.get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").starts_with("text/plain"));
    let metrics = &answer.text;
    for (start, expected) in [
        (
            "patron_ingested_items_total{kind=\"orders\",outcome=\"created\"}",
            1.0,
        ),
        (
            "patron_ingested_items_total{kind=\"orders\",outcome=\"unchanged\"}",
            1.0,
        ),
        (
            "patron_ingested_items_total{kind=\"orders\",outcome=\"rejected\"}",
            1.0,
        ),
        (
            "http_request_duration_seconds_count{method=\"POST\",route=\"/api/data/orders\",status=\"202\"}",
            1.0,
        ),
        (
            "http_request_duration_seconds_count{method=\"GET\",route=\"/api/customers/{id}\",status=\"404\"}",
            2.0,
        ),
    ] {
        assert_eq!(value(metrics, start), Some(expected), "{start}\n{metrics}");
    }
    assert!(
        !metrics.contains("c-2"),
        "what clients make up is in no label"
    );
    assert!(!metrics.contains("/nothing/at/all"));
}
