//! When to send to a segment.

use serde_json::{Value, json};

use super::{segment, shop};
use crate::api::{order, with};
use crate::support::app::App;

#[tokio::test]
async fn the_hour_is_that_in_which_most_customers_do_something() {
    let app = App::start().await;
    shop(&app).await;
    let id = segment(&app, "order_count >= 3").await;
    let path = format!("/api/ai/send-time?segment_id={id}");
    let said = app.client.read(&path).await;
    assert_eq!(
        (&said["hour"], &said["time_zone"]),
        (&json!(18), &json!("UTC"))
    );
    assert_eq!(said["customers"], 8);
    assert_eq!(said["orders"], 3 + 4 + 5 + 6 + 7 + 8 + 9 + 10);
    assert_eq!(said["activities"], 2);
    let hours = said["hours"].as_array().unwrap();
    assert_eq!(hours.len(), 24);
    assert_eq!(
        hours[18],
        json!({"hour": 18, "customers": 8, "orders": 52, "activities": 0})
    );
    assert_eq!(
        hours[10],
        json!({"hour": 10, "customers": 1, "orders": 0, "activities": 2})
    );
    // From Wednesday, 2025-01-01, a day each: all eight ordered on the first three days, and those
    // are Wednesday, Thursday and Friday.
    assert_eq!(said["weekday"], "wednesday");
    assert_eq!(said["weekdays"][2]["weekday"], "wednesday");
    assert!(said["explanation"].as_str().unwrap().contains("18:00"));

    let said = app
        .client
        .read(&format!("{path}&time_zone=Asia/Kolkata"))
        .await;
    assert_eq!(
        (&said["hour"], &said["weekday"]),
        (&json!(0), &json!("thursday"))
    );
}

/// As the shop sends them that knows days alone.
#[tokio::test]
async fn days_without_a_time_tell_of_no_hour() {
    let app = App::start().await;
    let order = with(
        order("c-1", "o-1", 100),
        json!({"placed_at": "2026-11-23T00:00:00Z"}),
    );
    app.client.accept("/api/data/orders", order).await;
    let id = segment(&app, "order_count > 0").await;
    app.client.caught_up().await;
    let path = format!("/api/ai/send-time?segment_id={id}&time_zone=America/New_York");
    let said = app.client.read(&path).await;
    assert_eq!(
        (&said["hour"], &said["weekday"]),
        (&Value::Null, &json!("monday"))
    );
    assert_eq!(said["orders"], 1);
    let told = said["explanation"].as_str().unwrap();
    assert!(
        told.contains("on a Monday") && told.contains("not known"),
        "{told}"
    );
}

#[tokio::test]
async fn who_never_did_anything_has_no_hour() {
    let app = App::start().await;
    shop(&app).await;
    let id = segment(&app, "order_count > 100").await;
    let said = app
        .client
        .read(&format!("/api/ai/send-time?segment_id={id}"))
        .await;
    assert_eq!(
        (&said["hour"], &said["weekday"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(said["customers"], 0);
    assert_eq!(said["hours"].as_array().unwrap().len(), 24);
}

#[tokio::test]
async fn what_makes_no_sense_is_named() {
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
        answered.problem(status, slug);
    }
}
