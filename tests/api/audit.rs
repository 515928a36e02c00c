//! The audit trail: `GET /api/audit` and `GET /api/audit/{position}`.

use reqwest::Method;
use serde_json::{Value, json};

use super::order;
use crate::support::app::App;
use crate::support::client::send;

/// Posts an item with this request id and returns its position.
async fn post_as(app: &App, request_id: &str, path: &str, item: Value) -> String {
    let request = app.client.request(Method::POST, path).json(&item);
    let answer = send(request.header("X-Request-Id", request_id)).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.position()
}

/// Records a customer (request `r-1`), their order (`r-2`), its update (`r-3`), and a visit of
/// another customer (`r-4`). Returns the positions.
async fn history(app: &App) -> [String; 4] {
    let customer = json!({"customer_id": "c-1", "name": "Ada"});
    let visit = json!({"event_id": "e-1", "customer_id": "c-2", "name": "visit",
        "occurred_at": "2026-01-03T00:00:00Z"});
    let positions = [
        post_as(app, "r-1", "/api/data/customers", customer).await,
        post_as(app, "r-2", "/api/data/orders", order("c-1", "o-1", 100)).await,
        post_as(app, "r-3", "/api/data/orders", order("c-1", "o-1", 250)).await,
        post_as(app, "r-4", "/api/data/events", visit).await,
    ];
    app.client.wait_until_caught_up().await;
    positions
}

#[tokio::test]
async fn every_event_has_a_row_newest_first() {
    let app = App::start().await;
    let positions = history(&app).await;
    let rows = app.client.list("/api/audit", 2).await;
    let found: Vec<_> = rows
        .iter()
        .map(|row| row["position"].as_str().unwrap())
        .collect();
    let newest_first: Vec<_> = positions.iter().rev().collect();
    assert_eq!(found, newest_first);
    let updated = &rows[1];
    assert_eq!(updated["type"], "order_updated.1");
    assert_eq!(updated["aggregate"], "order/c-1/o-1");
    assert_eq!(updated["version"], 2);
    assert_eq!(updated["actor"], "key:bootstrap");
    assert_eq!(updated["request_id"], "r-3");
    assert_eq!(updated["customer_id"], "c-1");
    assert_eq!(updated["occurred_at"], "2026-03-01T12:00:00.000Z");
}

#[tokio::test]
async fn filters_can_be_combined() {
    let app = App::start().await;
    let positions = history(&app).await;
    let at = async |position: &str| {
        let rows = app.client.list("/api/audit", 10).await;
        let row = rows.into_iter().find(|row| row["position"] == position);
        row.unwrap()["at"].as_str().unwrap().to_owned()
    };
    let third = at(&positions[2]).await;
    for (query, expected) in [
        ("aggregate=order/c-1/o-1", "r-3 r-2"),
        ("type=order_placed", "r-2"),
        ("type=order_placed.1", "r-2"),
        ("type=order_placed.9", ""),
        ("type=nothing", ""),
        ("actor=key:bootstrap", "r-4 r-3 r-2 r-1"),
        ("actor=key:other", ""),
        ("customer_id=c-1", "r-3 r-2 r-1"),
        ("customer_id=c-1&type=order_updated", "r-3"),
        ("request_id=r-4", "r-4"),
        (&format!("since={third}"), "r-4 r-3"),
        (&format!("until={third}"), "r-2 r-1"),
        ("since=2100-01-01T00:00:00Z", ""),
    ] {
        let rows = app.client.list(&format!("/api/audit?{query}"), 3).await;
        let found: Vec<_> = rows
            .iter()
            .map(|row| row["request_id"].as_str().unwrap())
            .collect();
        assert_eq!(found.join(" "), expected, "{query}");
    }
}

#[tokio::test]
async fn an_entry_shows_the_event_as_stored_in_the_log() {
    let app = App::start().await;
    let [customer, placed, updated, _] = history(&app).await;
    let entry = app.client.read(&format!("/api/audit/{updated}")).await;
    assert_eq!(entry["position"], updated);
    assert_eq!(entry["aggregate"], "order/c-1/o-1");
    assert_eq!(entry["version"], 2);
    assert_eq!(
        entry["previous"].to_string(),
        placed.split_once(':').unwrap().1
    );
    assert_eq!(entry["type"], "order_updated.1");
    assert_eq!(entry["data"]["content"]["amount"], 250);
    assert_eq!(entry["data"]["previous"]["amount"], 100);
    assert_eq!(entry["metadata"]["actor"], "key:bootstrap");
    assert!(entry["metadata"].to_string().contains("\"r-3\""));
    assert_eq!(entry["fingerprint"].as_str().unwrap().len(), 16);

    let entry = app.client.read(&format!("/api/audit/{customer}")).await;
    assert_eq!(entry["data"]["profile"]["name"], "Ada");
    assert_eq!(entry["previous"], 0);
    for absent in ["0:999999", "3:0", "99:1"] {
        let answer = app.client.get(&format!("/api/audit/{absent}")).await;
        answer.assert_problem(404, "not-found");
    }
}
