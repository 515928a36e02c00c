//! `X-Request-Id`: returned in every response and recorded in the audit trail.

use reqwest::Method;
use rustix::process::Signal;

use super::order;
use crate::support::app::App;
use crate::support::client::{Answer, send};

async fn get_as(app: &App, id: &str) -> Answer {
    let request = app.client.request(Method::GET, "/api/nothing");
    send(request.header("X-Request-Id", id)).await
}

#[tokio::test]
async fn a_valid_request_id_is_returned() {
    let app = App::without_workers().await;
    let longest = "x".repeat(128);
    for id in [
        "r-1",
        "A.b_c-9",
        "01936f2e-7d1c-7a30-9a51-1f0b6a0f9c11",
        &longest,
    ] {
        let answer = get_as(&app, id).await;
        assert_eq!(answer.header("x-request-id"), id);
        assert_eq!(answer.body["instance"], id);
    }
}

#[tokio::test]
async fn an_invalid_or_missing_request_id_is_generated() {
    let app = App::without_workers().await;
    let mut seen = Vec::new();
    for id in ["a b", "a\"b", "a/b", "<script>", &"x".repeat(129), ""] {
        let answer = get_as(&app, id).await;
        seen.push(answer.header("x-request-id").to_owned());
        assert_eq!(answer.body["instance"], seen[seen.len() - 1]);
    }
    for path in ["/healthz", "/api/customers", "/api/nothing"] {
        let answer = app.client.get(path).await;
        seen.push(answer.header("x-request-id").to_owned());
    }
    let refused = app.client.with_key(None).get("/api/customers").await;
    seen.push(refused.header("x-request-id").to_owned());
    assert!(
        seen.iter().all(|id| uuid::Uuid::try_parse(id).is_ok()),
        "{seen:?}"
    );
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 10, "each id is unique");
}

#[tokio::test]
async fn the_request_id_is_recorded_with_the_events_of_the_request() {
    let app = App::start().await;
    let path = "/api/data/orders";
    let request = app
        .client
        .request(Method::POST, path)
        .json(&order("c-1", "o-1", 1));
    let given = send(request.header("X-Request-Id", "till-7.2026")).await;
    let generated = app.client.post(path, order("c-1", "o-2", 1)).await;
    app.client.wait_until_caught_up().await;
    for (id, answer) in [
        ("till-7.2026", &given),
        (generated.header("x-request-id"), &generated),
    ] {
        let rows = app
            .client
            .list(&format!("/api/audit?request_id={id}"), 10)
            .await;
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0]["position"], answer.position());
    }
}

#[tokio::test]
async fn the_log_at_info_has_a_line_per_request_except_for_probes() {
    let mut app = App::with_environment(vec![("PATRON_LOG", "info".to_owned())]).await;
    for path in ["/healthz", "/readyz", "/metrics", "/api/customers"] {
        let request = app.client.request(Method::GET, path);
        let id = format!("probe{}", path.replace('/', "-"));
        let answer = send(request.header("X-Request-Id", id)).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }
    assert!(app.api.stop(Signal::TERM).success());
    let log = app.api.stderr();
    let lines_of = |id: &str| log.lines().filter(|line| line.contains(id)).count();
    for probe in ["probe-healthz", "probe-readyz", "probe-metrics"] {
        assert_eq!(lines_of(probe), 0, "{log}");
    }
    assert_eq!(lines_of("probe-api-customers"), 1, "{log}");
}
