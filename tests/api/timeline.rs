//! `GET /api/customers/{id}/timeline`: the events of a customer.

use serde_json::{Value, json};

use super::{order, with};
use crate::support::app::App;
use crate::support::campaign::launch;
use crate::support::client::Client;
use crate::support::wait::eventually;

#[tokio::test]
async fn events_are_sorted_by_recording_time_newest_first() {
    let app = App::start().await;
    let api = &app.client;
    let at = |day: &str| json!({"placed_at": format!("2026-01-{day}T00:00:00.000Z")});
    api.post_accepted("/api/data/orders", with(order("c-1", "o-1", 100), at("05")))
        .await;
    let visit = json!({"event_id": "e-1", "customer_id": "c-1", "name": "visit",
        "occurred_at": "2026-01-03T00:00:00Z", "properties": {"page": "/sale"}});
    api.post_accepted("/api/data/events", visit).await;
    api.post_accepted("/api/data/orders", order("c-2", "o-9", 1))
        .await;
    let updated = with(order("c-1", "o-1", 250), at("04"));
    let last = api.post_accepted("/api/data/orders", updated).await;

    let items = api
        .list(&format!("/api/customers/c-1/timeline?after={last}"), 10)
        .await;
    let events: Vec<_> = items
        .iter()
        .map(|item| {
            (
                item["type"].as_str().unwrap(),
                item["occurred_at"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        events,
        [
            ("order_updated.1", "2026-01-04T00:00:00.000Z"),
            ("activity_recorded.1", "2026-01-03T00:00:00.000Z"),
            ("order_placed.1", "2026-01-05T00:00:00.000Z"),
        ]
    );
    assert_eq!(items[0]["position"], last);
    assert_eq!(items[0]["aggregate"], "order/c-1/o-1");
    assert_eq!(items[0]["actor"], "key:bootstrap");
    assert_eq!(items[0]["data"]["content"]["amount"], 250);
    assert_eq!(items[0]["data"]["previous"]["amount"], 100);
    assert_eq!(items[1]["data"]["properties"]["page"], "/sale");
}

/// Messages appear together with orders and activity.
#[tokio::test]
async fn the_timeline_includes_messages() {
    let app = App::start().await;
    let api = &app.client;
    let customer = json!({"customer_id": "c-1", "name": "Ada", "email": "ada@example.com"});
    api.post_accepted("/api/data/customers", customer).await;
    api.post_accepted("/api/data/orders", order("c-1", "o-1", 100))
        .await;
    let visit = json!({"event_id": "e-1", "customer_id": "c-1", "name": "visit",
        "occurred_at": "2026-01-03T00:00:00Z"});
    api.post_accepted("/api/data/events", visit).await;
    let id = launch(api, "k-1", "order_count > 0", None).await;
    api.wait_until_caught_up().await;
    let queued = wait_for_event(api, "message_queued.1").await;
    let digits = id.trim_start_matches("cmp_");
    assert_eq!(queued["aggregate"], format!("message/c-1/cmp_{digits}"));
    assert_eq!(queued["data"]["text"], "Hi Ada, we miss you.");
    for earlier in [
        "customer_registered.1",
        "order_placed.1",
        "activity_recorded.1",
    ] {
        wait_for_event(api, earlier).await;
    }
}

async fn wait_for_event(api: &Client, event: &str) -> Value {
    eventually(event, async || {
        let items = api.list("/api/customers/c-1/timeline", 10).await;
        items.into_iter().find(|item| item["type"] == event)
    })
    .await
}

#[tokio::test]
async fn an_unknown_customer_has_no_timeline() {
    let app = App::start().await;
    let answer = app.client.get("/api/customers/c-0/timeline").await;
    answer.assert_problem(404, "not-found");
}
