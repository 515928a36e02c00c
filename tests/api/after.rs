//! `after=`: reads that wait for earlier writes.

use std::time::{Duration, Instant};

use super::order;
use crate::support::app::App;

const ORDERS: &str = "/api/data/orders";

#[tokio::test]
async fn a_read_after_a_position_shows_that_write() {
    let app = App::start().await;
    for n in 0..20 {
        let at = app
            .client
            .post_accepted(ORDERS, order("c-1", &format!("o-{n}"), 1))
            .await;
        let customer = app.client.customer("c-1", &at).await;
        assert_eq!(customer["order_count"], n + 1);
        for path in [
            "/api/orders?",
            "/api/audit?",
            "/api/customers/c-1/timeline?",
        ] {
            let items = app.client.list(&format!("{path}after={at}"), 500).await;
            assert_eq!(items.len(), n + 1, "{path}");
        }
        let position = app.client.get(&format!("/api/audit/{at}?after={at}")).await;
        assert_eq!(position.status, 200);
    }
}

#[tokio::test]
async fn without_a_worker_a_read_fails_with_retry_after() {
    let mut app = App::without_workers().await;
    let at = app
        .client
        .post_accepted(ORDERS, order("c-1", "o-1", 1))
        .await;
    let start = Instant::now();
    let behind = app
        .client
        .get(&format!("/api/customers/c-1?after={at}"))
        .await;
    behind.assert_problem(503, "view-behind");
    assert_eq!(behind.header("retry-after"), "1");
    assert!(
        start.elapsed() >= Duration::from_secs(5),
        "the read waited for the view"
    );
    let detail = behind.body["detail"].as_str().unwrap();
    assert!(
        detail.contains("customers") && detail.contains(&at),
        "{detail}"
    );

    app.add_worker();
    app.client.wait_until_caught_up().await;
    assert_eq!(app.client.customer("c-1", &at).await["order_count"], 1);
}

#[tokio::test]
async fn positions_of_several_writes_can_be_joined() {
    let app = App::start().await;
    let mut all = Vec::new();
    for n in 0..10 {
        let order = order(&format!("c-{n}"), "o-1", 1);
        all.push(app.client.post_accepted(ORDERS, order).await);
    }
    let path = format!("/api/customers?after={}", all.join(","));
    assert_eq!(app.client.list(&path, 500).await.len(), 10);
    let spaced = format!("/api/customers?after={}", all.join("%20,%20"));
    assert_eq!(app.client.list(&spaced, 500).await.len(), 10);
}

#[tokio::test]
async fn invalid_positions_are_refused() {
    let app = App::without_workers().await;
    for after in [
        "",
        "x",
        "1",
        "1:",
        ":1",
        "1:x",
        "-1:5",
        "0:1,,0:2",
        "99999999:1",
        "4:1",
    ] {
        for path in [
            "/api/customers",
            "/api/orders",
            "/api/audit",
            "/api/customers/c-1",
            "/api/segments",
            "/api/segments/seg_1",
        ] {
            let answer = app.client.get(&format!("{path}?after={after}")).await;
            let problem = answer.assert_problem(400, "invalid-parameter");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains("after"), "{after}: {detail}");
        }
    }
}
