//! Segment's SDK for Node sends here.

use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::segment_sdk::SegmentSdk;
use crate::support::wait::eventually;

fn track(event: &str, timestamp: &str) -> Value {
    json!({"userId": "c-1", "event": event, "timestamp": timestamp, "properties": {"total": 19.99}})
}

#[tokio::test]
async fn the_sdk_identifies_customers_and_tracks_their_activity() {
    let app = App::start().await;
    let Some(mut sdk) = SegmentSdk::start(app.client.base(), &app.settings().key) else {
        return;
    };
    let traits = json!({
        "email": "ada@example.com",
        "firstName": "Ada",
        "lastName": "Lovelace",
        "createdAt": "2026-01-01T00:00:00Z",
        "address": {"city": "London", "street": "St James's Square"},
    });
    sdk.call("identify", json!({"userId": "c-1", "traits": traits}));
    sdk.call("track", track("Order Completed", "2026-01-02T03:04:05Z"));
    sdk.call("track", track("orderCompleted", "2026-01-03T00:00:00Z"));
    sdk.call("page", json!({"userId": "c-1", "name": "Home"}));
    sdk.call("track", json!({"anonymousId": "a-1", "event": "Visit"}));
    let counts = sdk.flush();
    assert_eq!(counts["delivered"], 5, "{counts}");
    assert_eq!(counts["failed"], 0, "{counts}");
    app.client.wait_until_caught_up().await;
    let customer = app.client.read("/api/customers/c-1").await;
    assert_eq!(customer["name"], "Ada Lovelace");
    assert_eq!(customer["email"], "ada@example.com");
    assert_eq!(customer["city"], "London");
    assert_eq!(customer["registered_at"], "2026-01-01T00:00:00.000Z");
    assert_eq!(
        customer["attributes"]["address"]["street"],
        "St James's Square"
    );
    let completed = json!({"count": 2, "last_at": "2026-01-03T00:00:00.000Z"});
    assert_eq!(customer["events"], json!({"order_completed": completed}));
    let timeline = app.client.list("/api/customers/c-1/timeline", 10).await;
    let types: Vec<_> = timeline
        .iter()
        .map(|item| item["type"].as_str().unwrap())
        .collect();
    let expected = [
        "activity_recorded.1",
        "activity_recorded.1",
        "customer_registered.1",
    ];
    assert_eq!(
        types, expected,
        "newest first, in the order in which they were sent"
    );
    assert_eq!(timeline[1]["data"]["properties"]["total"], 19.99);
    assert_eq!(timeline[1]["occurred_at"], "2026-01-02T03:04:05.000Z");
}

#[tokio::test]
async fn calls_made_while_the_server_is_down_arrive_once() {
    let mut app = App::start().await;
    let Some(mut sdk) = SegmentSdk::start(app.client.base(), &app.settings().key) else {
        return;
    };
    let day = |n: usize| format!("2026-01-{:02}T00:00:00Z", n + 1);
    for n in 0..7 {
        sdk.call("track", track("Visit", &day(n)));
    }
    sdk.flush();
    app.api.kill();
    for n in 7..14 {
        sdk.call("track", track("Visit", &day(n)));
    }
    let sent = sdk.counts()["attempts"].as_u64().unwrap();
    eventually("the SDK has tried in vain", async || {
        let attempts = sdk.counts()["attempts"].as_u64().unwrap();
        (attempts > sent + 1).then_some(())
    })
    .await;
    app.restart_api();
    let counts = sdk.flush();
    assert_eq!(counts["delivered"], 14, "{counts}");
    assert_eq!(counts["failed"], 0, "{counts}");
    app.client.wait_until_caught_up().await;
    let customer = app.client.read("/api/customers/c-1").await;
    let visits = json!({"count": 14, "last_at": "2026-01-14T00:00:00.000Z"});
    assert_eq!(customer["events"]["visit"], visits);
    let timeline = app.client.list("/api/customers/c-1/timeline", 50).await;
    assert_eq!(timeline.len(), 14, "every call made one event");
}
