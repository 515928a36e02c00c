//! `/api/ai/lookalikes`: customers outside a segment who resemble its members.

use serde_json::{Value, json};

use super::{create_segment, record_shop};
use crate::support::app::App;

#[tokio::test]
async fn lookalikes_are_sorted_by_distance_and_list_their_features() {
    let app = App::start().await;
    record_shop(&app).await;
    let id = create_segment(&app, "order_count >= 8").await;
    let path = format!("/api/ai/lookalikes?segment_id={id}");
    let lookalikes = app.client.read(&path).await;
    assert_eq!(
        (&lookalikes["customers"], &lookalikes["engine"]),
        (&json!(3), &json!("builtin"))
    );
    let items = lookalikes["items"].as_array().unwrap();
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
async fn an_empty_segment_and_a_segment_of_everyone_have_no_lookalikes() {
    let app = App::start().await;
    record_shop(&app).await;
    for (rules, customers) in [("order_count > 100", 0), ("order_count > 0", 10)] {
        let id = create_segment(&app, rules).await;
        let lookalikes = app
            .client
            .read(&format!("/api/ai/lookalikes?segment_id={id}"))
            .await;
        assert_eq!(lookalikes["customers"], customers, "{rules}");
        assert_eq!(lookalikes["items"], json!([]), "{rules}");
    }
    for (query, status, slug) in [
        ("?segment_id=seg_1&limit=0", 400, "invalid-parameter"),
        ("?segment_id=seg_1&limit=101", 400, "invalid-parameter"),
        ("?segment_id=seg_1", 404, "not-found"),
    ] {
        let answered = app.client.get(&format!("/api/ai/lookalikes{query}")).await;
        answered.assert_problem(status, slug);
    }
}
