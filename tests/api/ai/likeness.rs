//! Customers who are like those of a segment.

use serde_json::{Value, json};

use super::{segment, shop};
use crate::support::app::App;

#[tokio::test]
async fn the_nearest_outside_come_first_and_say_in_what_they_are_alike() {
    let app = App::start().await;
    shop(&app).await;
    let id = segment(&app, "order_count >= 8").await;
    let path = format!("/api/ai/lookalikes?segment_id={id}");
    let said = app.client.read(&path).await;
    assert_eq!(
        (&said["customers"], &said["engine"]),
        (&json!(3), &json!("builtin"))
    );
    let items = said["items"].as_array().unwrap();
    let ids: Vec<&str> = items
        .iter()
        .map(|item| item["customer"]["customer_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["c-7", "c-6", "c-5", "c-4", "c-3", "c-2", "c-1"]);
    let distances: Vec<f64> = items
        .iter()
        .map(|item| item["distance"].as_f64().unwrap())
        .collect();
    assert!(distances.is_sorted() && distances[0] > 0.0, "{distances:?}");
    let features = items[0]["features"].as_array().unwrap();
    let differences: Vec<f64> = features
        .iter()
        .map(|feature| feature["difference"].as_f64().unwrap().abs())
        .collect();
    assert!(differences.is_sorted(), "{features:?}");
    let spend: Vec<&Value> = features
        .iter()
        .filter(|feature| feature["feature"] == "total_spend")
        .collect();
    assert_eq!(spend[0]["value"], 70_000, "{features:?}");
    let typical = spend[0]["typical"].as_f64().unwrap();
    assert!((80_000.0..100_000.0).contains(&typical), "{typical}");

    let two = app.client.read(&format!("{path}&limit=2")).await;
    assert_eq!(two["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn nobody_is_like_nobody_and_nobody_is_outside_of_all() {
    let app = App::start().await;
    shop(&app).await;
    for (rules, customers) in [("order_count > 100", 0), ("order_count > 0", 10)] {
        let id = segment(&app, rules).await;
        let said = app
            .client
            .read(&format!("/api/ai/lookalikes?segment_id={id}"))
            .await;
        assert_eq!(said["customers"], customers, "{rules}");
        assert_eq!(said["items"], json!([]), "{rules}");
    }
    for (query, status, slug) in [
        ("?segment_id=seg_1&limit=0", 400, "invalid-parameter"),
        ("?segment_id=seg_1&limit=101", 400, "invalid-parameter"),
        ("?segment_id=seg_1", 404, "not-found"),
    ] {
        let answered = app.client.get(&format!("/api/ai/lookalikes{query}")).await;
        answered.problem(status, slug);
    }
}
