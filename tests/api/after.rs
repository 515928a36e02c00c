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
async fn a_position_beyond_the_end_of_the_log_is_refused_at_once() {
    let app = App::without_workers().await;
    let at = app
        .client
        .post_accepted(ORDERS, order("c-1", "o-1", 1))
        .await;
    let (partition, number) = at.split_once(':').unwrap();
    let number: u64 = number.parse().unwrap();
    let start = Instant::now();
    for beyond in [number + 1, 9_999_999_999] {
        for path in [
            "/api/customers",
            "/api/orders",
            "/api/audit",
            "/api/segments",
        ] {
            let far = format!("{partition}:{beyond}");
            let refused = app.client.get(&format!("{path}?after={far}")).await;
            let problem = refused.assert_problem(400, "invalid-parameter");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains(&far) && detail.contains(&at), "{detail}");
        }
    }
    assert!(start.elapsed() < Duration::from_secs(5), "a read waited");
}

/// Reads that wait have fewer places than the server has, and one credential a part of them.
#[tokio::test]
async fn reads_that_wait_leave_places_for_others() {
    let app = App::with_environment(vec![("PATRON_MAX_REQUESTS", "16".to_owned())]).await;
    let at = app
        .client
        .post_accepted(ORDERS, order("c-1", "o-1", 1))
        .await;
    let key = app.create_key(domain::Role::Viewer, None).await;
    let viewer = app.client.with_key(Some(key.reveal()));
    let path = format!("/api/customers?after={at}");
    let (sent, mut waiting) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..40 {
        let (viewer, path, sent) = (viewer.clone(), path.clone(), sent.clone());
        tokio::spawn(async move { sent.send(viewer.get(&path).await) });
    }
    // Those that may not wait are refused at once. The others wait for 5 s.
    for _ in 0..38 {
        let refused = waiting.recv().await.unwrap();
        refused.assert_problem(503, "busy");
        assert_eq!(refused.header("retry-after"), "2");
    }
    let other = app.client.get("/api/segments").await;
    assert_eq!(other.status, 200, "{other:?}");
    for _ in 0..2 {
        let behind = waiting.recv().await.unwrap();
        behind.assert_problem(503, "view-behind");
    }
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
