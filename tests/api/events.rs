//! Activity events and their effect on the customer.

use serde_json::{Value, json};

use crate::support::app::App;

const DATA: &str = "/api/data/events";

fn event(id: &str, name: &str, occurred_at: &str) -> Value {
    json!({"event_id": id, "customer_id": "c-1", "name": name, "occurred_at": occurred_at})
}

#[tokio::test]
async fn activity_is_counted_by_name() {
    let app = App::start().await;
    let events = json!([
        event("e-1", "visit", "2026-01-03T00:00:00Z"),
        event("e-2", "visit", "2026-01-02T00:00:00Z"),
        event("e-3", "add_to_cart", "2026-01-01T00:00:00Z"),
        event("e-2", "visit", "2026-01-02T00:00:00Z"),
    ]);
    let at = app.client.post_accepted(DATA, events).await;
    let customer = app.client.customer("c-1", &at).await;
    assert_eq!(
        customer["events"],
        json!({
            "visit": {"count": 2, "last_at": "2026-01-03T00:00:00.000Z"},
            "add_to_cart": {"count": 1, "last_at": "2026-01-01T00:00:00.000Z"},
        })
    );
}

#[tokio::test]
async fn a_corrected_event_moves_its_count() {
    let app = App::start().await;
    let events = json!([
        event("e-1", "visit", "2026-01-03T00:00:00Z"),
        event("e-2", "visit", "2026-01-02T00:00:00Z"),
    ]);
    app.client.post_accepted(DATA, events).await;
    let corrected = event("e-1", "search", "2026-01-01T00:00:00Z");
    let answer = app.client.post(DATA, corrected).await;
    assert_eq!(answer.body["outcome"], "updated");
    let customer = app.client.customer("c-1", &answer.position()).await;
    let visit = json!({"count": 1, "last_at": "2026-01-02T00:00:00.000Z"});
    let search = json!({"count": 1, "last_at": "2026-01-01T00:00:00.000Z"});
    assert_eq!(
        customer["events"],
        json!({"visit": visit, "search": search})
    );
}

#[tokio::test]
async fn a_name_as_people_write_it_is_folded_and_the_answer_says_so() {
    let app = App::start().await;
    let written = event("e-1", " Order Completed", "2026-01-01T00:00:00Z");
    let answer = app.client.post(DATA, written).await;
    assert_eq!(answer.body["outcome"], "created", "{answer:?}");
    assert_eq!(answer.body["name"], "order_completed");
    let events = json!([
        event("e-1", "orderCompleted", "2026-01-01T00:00:00Z"),
        event("e-2", "order_completed", "2026-01-02T00:00:00Z"),
    ]);
    let answer = app.client.post(DATA, events).await;
    let results = &answer.body["results"];
    assert_eq!(results[0]["outcome"], "unchanged");
    assert_eq!(results[0]["name"], "order_completed");
    assert!(results[1].get("name").is_none(), "{results}");
    let customer = app.client.customer("c-1", &answer.position()).await;
    assert_eq!(customer["events"]["order_completed"]["count"], 2);
    for field in ["order_completed", "Order-Completed"] {
        let rules = json!({"rules": format!("events.{field}.count = 2")});
        let preview = app.client.post("/api/segments/preview", rules).await;
        assert_eq!(preview.body["count"], 1, "{preview:?}");
    }
}

#[tokio::test]
async fn empty_properties_are_left_out_and_objects_kept() {
    let app = App::start().await;
    let mut visit = event("e-1", "visit", "2026-01-03T00:00:00Z");
    visit["properties"] = json!({
        "page": "/sale", "coupon": "", "referrer": null, "utm": {"source": "mail", "term": ""},
    });
    let at = app.client.post_accepted(DATA, visit).await;
    let entry = app.client.read(&format!("/api/audit/{at}")).await;
    let kept = json!({"page": "/sale", "utm": {"source": "mail"}});
    assert_eq!(entry["data"]["properties"], kept);
}

#[tokio::test]
async fn properties_are_kept_in_the_log() {
    let app = App::start().await;
    let mut visit = event("e-1", "visit", "2026-01-03T00:00:00Z");
    visit["properties"] = json!({"page": "/sale", "seconds": 12.5, "first": true});
    let at = app.client.post_accepted(DATA, visit.clone()).await;
    let entry = app.client.read(&format!("/api/audit/{at}")).await;
    assert_eq!(entry["aggregate"], "activity/c-1/e-1");
    assert_eq!(entry["data"]["properties"], visit["properties"]);
}
