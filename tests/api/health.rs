//! Health, readiness, and metrics: `/healthz`, `/readyz`, `/metrics`.

use std::time::{Duration, Instant};

use futures::future::join_all;
use mongodb::bson::doc;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::task::block_in_place;
use tokio::time::timeout;

use super::order;
use crate::support::app::App;
use crate::support::engines::{OwnEngines, test_dir};
use crate::support::wait::eventually;

#[tokio::test]
async fn a_healthy_deployment_passes_all_checks() {
    let app = App::start().await;
    let healthy = app.client.get("/healthz").await;
    assert_eq!(
        (healthy.status, healthy.body),
        (200, json!({"status": "ok"}))
    );
    let ready = app.client.wait_until_ready().await;
    assert_eq!(
        ready,
        json!({"status": "ready", "reasons": [], "checks": [
            {"name": "redis", "ok": true},
            {"name": "log", "ok": true},
            {"name": "mongodb", "ok": true},
            {"name": "memory", "ok": true},
            {"name": "views", "ok": true},
            {"name": "workers", "ok": true},
            {"name": "lag", "ok": true},
        ]})
    );
}

/// Returns the reason of a failed check, or an empty string if the check passed.
fn reason<'a>(readiness: &'a Value, name: &str) -> &'a str {
    let checks = readiness["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == name).unwrap();
    let reason = check["reason"].as_str().unwrap_or_default();
    assert_eq!(check["ok"], reason.is_empty(), "{readiness}");
    if !reason.is_empty() {
        let expected = json!(format!("{name}: {reason}"));
        let reasons = readiness["reasons"].as_array().unwrap();
        assert!(reasons.contains(&expected), "{readiness}");
    }
    reason
}

/// Waits until `/readyz` answers with this status and reports lag. Returns its body.
async fn wait_for_lag(app: &App, status: u16) -> Value {
    eventually("views lag", async || {
        let answer = app.client.get("/readyz").await;
        let is_lagging = answer.status == status && !reason(&answer.body, "lag").is_empty();
        is_lagging.then_some(answer.body)
    })
    .await
}

#[tokio::test]
async fn without_a_worker_the_api_is_degraded() {
    let mut app = App::without_workers().await;
    let answer = app.client.get("/readyz").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["status"], "degraded");
    let reason_of = |readiness: &Value, name: &str| reason(readiness, name).to_owned();
    assert!(reason_of(&answer.body, "workers").contains("no worker is alive"));
    assert_eq!(
        reason_of(&answer.body, "lag"),
        "",
        "an empty log has no lag"
    );

    let customers = json!([order("c-1", "o-1", 1), order("c-2", "o-1", 1)]);
    app.client
        .post_accepted("/api/data/orders", customers)
        .await;
    let degraded = wait_for_lag(&app, 200).await;
    assert_eq!(degraded["status"], "degraded");
    let lag = reason_of(&degraded, "lag");
    assert!(lag.contains("customers, orders, audit"), "{lag}");

    app.add_worker();
    app.client.wait_until_ready().await;
    // A worker that stops on a signal removes its heartbeat.
    app.workers.remove(0).stop(Signal::TERM);
    let degraded = eventually("no worker is alive", async || {
        let body = app.client.wait_for_readiness(200).await;
        (body["status"] == "degraded").then_some(body)
    });
    assert_ne!(reason(&degraded.await, "workers"), "");
}

#[tokio::test]
async fn views_beyond_the_lag_limit_make_the_api_unready() {
    let mut app = App::with_environment(vec![("PATRON_READY_LAG", "3".to_owned())]).await;
    app.client
        .post_accepted("/api/data/orders", order("c-1", "o-1", 1))
        .await;
    let unready = wait_for_lag(&app, 503).await;
    assert_eq!(unready["status"], "unready");
    assert_eq!(app.client.get("/api/customers").await.status, 200);
    app.add_worker();
    app.client.wait_until_ready().await;
}

#[tokio::test]
async fn a_single_stalled_view_makes_the_api_unready() {
    let mut app = App::with_environment(vec![("PATRON_READY_LAG", "3".to_owned())]).await;
    app.add_worker();
    let accept = async |id| {
        let order = order("c-1", id, 1);
        app.client.post_accepted("/api/data/orders", order).await
    };
    accept("o-1").await;
    app.client.wait_until_caught_up().await;
    app.client.wait_until_ready().await;
    let store = super::campaigns::store(&app).await;
    store.collection("orders", 1).drop().await.unwrap();
    accept("o-2").await;
    let degraded = eventually("a view is stalled", async || {
        let body = app.client.get("/readyz").await.body;
        (!reason(&body, "views").is_empty()).then_some(body)
    });
    assert_eq!(reason(&degraded.await, "views"), "stalled: orders");
    accept("o-3").await;
    let unready = wait_for_lag(&app, 503).await;
    let lag = reason(&unready, "lag");
    assert!(lag.ends_with(": orders"), "{lag}");
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_is_computed_at_most_once_a_second() {
    let engines = block_in_place(|| OwnEngines::start(&test_dir("readiness")));
    let app = block_in_place(|| App::without_workers_on(&engines));
    let store = super::campaigns::store(&app).await;
    // No other client pings this MongoDB.
    let pings = async || {
        let status = store.database().run_command(doc! {"serverStatus": 1}).await;
        let status = status.unwrap();
        let metrics = status.get_document("metrics").unwrap();
        let ping = metrics.get_document("commands").unwrap();
        let ping = ping.get_document("ping").unwrap();
        ping.get_i64("total").unwrap()
    };
    let (before, began) = (pings().await, Instant::now());
    let requests = (0..200).map(|n| {
        let client = app.client.with_key(None);
        async move {
            // A client that disconnects does not trigger another computation.
            let request = client.get("/readyz");
            match n % 2 {
                0 => drop(timeout(Duration::from_millis(5), request).await),
                _ => assert_eq!(request.await.status, 200),
            }
        }
    });
    join_all(requests).await;
    let computed = pings().await - before;
    let seconds = began.elapsed().as_secs() as i64;
    assert!(
        (1..=seconds + 2).contains(&computed),
        "{computed} in {seconds} s"
    );
}

/// Returns the value of the series whose line starts with `start`.
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
        "values chosen by clients appear in no label"
    );
    assert!(!metrics.contains("/nothing/at/all"));
}
