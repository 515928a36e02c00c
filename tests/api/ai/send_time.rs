//! `/api/ai/send-time`: the hour and weekday at which a segment's customers are most active.

use serde_json::{Value, json};

use super::{create_segment, record_shop};
use crate::api::{order, with};
use crate::support::app::App;

#[tokio::test]
async fn the_suggested_hour_is_the_one_with_the_most_active_customers() {
    let app = App::start().await;
    record_shop(&app).await;
    let id = create_segment(&app, "order_count >= 3").await;
    let path = format!("/api/ai/send-time?segment_id={id}");
    let suggestion = app.client.read(&path).await;
    assert_eq!(
        (&suggestion["hour"], &suggestion["time_zone"]),
        (&json!(18), &json!("UTC"))
    );
    assert_eq!(suggestion["customers"], 8);
    assert_eq!(suggestion["orders"], 3 + 4 + 5 + 6 + 7 + 8 + 9 + 10);
    assert_eq!(suggestion["activities"], 2);
    let hours = suggestion["hours"].as_array().unwrap();
    assert_eq!(hours.len(), 24);
    assert_eq!(
        hours[18],
        json!({"hour": 18, "customers": 8, "orders": 52, "activities": 0})
    );
    assert_eq!(
        hours[10],
        json!({"hour": 10, "customers": 1, "orders": 0, "activities": 2})
    );
    // Orders are one day apart, starting on Wednesday, 2025-01-01. All eight customers ordered on
    // the first three days: Wednesday, Thursday, and Friday.
    assert_eq!(suggestion["weekday"], "wednesday");
    assert_eq!(suggestion["weekdays"][2]["weekday"], "wednesday");
    assert!(
        suggestion["explanation"]
            .as_str()
            .unwrap()
            .contains("18:00")
    );

    let suggestion = app
        .client
        .read(&format!("{path}&time_zone=Asia/Kolkata"))
        .await;
    assert_eq!(
        (&suggestion["hour"], &suggestion["weekday"]),
        (&json!(0), &json!("thursday"))
    );
}

/// A shop that records only dates sends midnight as the time.
#[tokio::test]
async fn dates_without_a_time_suggest_a_weekday_but_no_hour() {
    let app = App::start().await;
    let order = with(
        order("c-1", "o-1", 100),
        json!({"placed_at": "2026-11-23T00:00:00Z"}),
    );
    app.client.post_accepted("/api/data/orders", order).await;
    let id = create_segment(&app, "order_count > 0").await;
    app.client.wait_until_caught_up().await;
    let path = format!("/api/ai/send-time?segment_id={id}&time_zone=America/New_York");
    let suggestion = app.client.read(&path).await;
    assert_eq!(
        (&suggestion["hour"], &suggestion["weekday"]),
        (&Value::Null, &json!("monday"))
    );
    assert_eq!(suggestion["orders"], 1);
    let reason = suggestion["explanation"].as_str().unwrap();
    assert!(
        reason.contains("on a Monday") && reason.contains("not known"),
        "{reason}"
    );
}

#[tokio::test]
async fn an_empty_segment_has_no_suggested_hour() {
    let app = App::start().await;
    record_shop(&app).await;
    let id = create_segment(&app, "order_count > 100").await;
    let suggestion = app
        .client
        .read(&format!("/api/ai/send-time?segment_id={id}"))
        .await;
    assert_eq!(
        (&suggestion["hour"], &suggestion["weekday"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(suggestion["customers"], 0);
    assert_eq!(suggestion["hours"].as_array().unwrap().len(), 24);
}

#[tokio::test]
async fn invalid_parameters_and_unknown_segments_are_refused() {
    let app = App::without_workers().await;
    for (query, status, slug) in [
        ("", 400, "invalid-parameter"),
        ("?segment_id=a%20b", 400, "invalid-parameter"),
        (
            "?segment_id=seg_1&time_zone=Mars/Base",
            400,
            "invalid-parameter",
        ),
        ("?segment_id=seg_1&colour=red", 400, "invalid-parameter"),
        ("?segment_id=seg_1", 404, "not-found"),
    ] {
        let answered = app.client.get(&format!("/api/ai/send-time{query}")).await;
        answered.assert_problem(status, slug);
    }
}
