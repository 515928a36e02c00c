//! Campaigns as whoever runs them sees them, over HTTP: a vendor that goes silent, a cap on
//! messages, a schedule that was missed.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::campaign::{assert_accounted, completed, launch};
use crate::support::receipts::post;
use crate::support::vendor::Vendor;
use crate::support::wait::{eventually, eventually_within, until};

const EVERYBODY: &str = "order_count = 0";

/// The API with so many customers who can be written to, and a vendor; no worker yet.
async fn start(customers: usize) -> (App, Vendor) {
    let vendor = Vendor::start().await;
    let mut app = App::without_workers().await;
    app.vendor = Some(vendor.url.clone());
    let customer = |n: usize| {
        let email = format!("c-{n}@example.com");
        json!({"customer_id": format!("c-{n:03}"), "name": "Ada", "email": email})
    };
    let customers: Value = (0..customers).map(customer).collect();
    app.client.accept("/api/data/customers", customers).await;
    (app, vendor)
}

async fn shown(app: &App, id: &str) -> Value {
    app.client.read(&format!("/api/campaigns/{id}")).await
}

async fn until_status(app: &App, id: &str, status: &str) {
    until(status, async || shown(app, id).await["status"] == status).await;
}

#[tokio::test]
async fn receipts_that_never_come_are_told_and_late_ones_still_count() {
    let (mut app, vendor) = start(60).await;
    let some_are_lost = json!({"lost_rate": 0.3, "receipt_delay_ms": {"min": 0, "max": 100}});
    vendor.set(some_are_lost).await;
    app.add_worker();
    let id = launch(&app.client, "silent", EVERYBODY, None).await;
    let path = format!("/api/campaigns/{id}");
    app.client.caught_up().await;
    let lost = eventually("all others have come", async || {
        let lost = vendor.receipts_lost().await;
        let statistics = shown(&app, &id).await["statistics"].clone();
        let ended = statistics["delivered"].as_u64()? + statistics["failed"].as_u64()?;
        (lost > 0 && ended + lost == 60).then_some(lost)
    })
    .await;
    app.client.caught_up().await;
    let campaign = shown(&app, &id).await;
    assert_eq!(campaign["status"], "sending", "it is not over");
    assert_eq!(campaign["statistics"]["pending"], 0);
    assert_eq!(campaign["statistics"]["awaiting_receipt"], lost);
    assert!(campaign["statistics"]["last_at"].is_string());
    let rows = app
        .client
        .list(&format!("{path}/logs?status=sent"), 500)
        .await;
    let since = rows
        .iter()
        .map(|row| row["sent_at"].as_str().unwrap())
        .min();
    assert_eq!(rows.len() as u64, lost);
    let accounts = app.client.read(&format!("{path}/reconcile")).await;
    assert_eq!(accounts["discrepancies"], json!([]), "{accounts}");
    assert_eq!(accounts["awaiting_receipt"], lost);
    assert_eq!(accounts["awaiting_since"].as_str(), since);

    let late: Value = rows.iter().map(receipt).collect();
    assert_eq!(post(&app.client, &late).await.body["accepted"], lost);
    completed(&app.client, &id).await;
    assert_accounted(&app.client, &id, &vendor.sent().await).await;
}

/// What the vendor should have said of a message.
fn receipt(row: &Value) -> Value {
    json!({
        "message_id": row["message_id"],
        "vendor_message_id": row["vendor_message_id"],
        "status": "delivered",
        "occurred_at": Utc::now(),
    })
}

/// With the time-outs, back-offs and breaker that there are without any option.
#[tokio::test]
async fn a_vendor_that_is_down_for_a_minute_and_errs_after_gets_everything() {
    let (mut app, mut vendor) = start(100).await;
    vendor.set(json!({"lost_rate": 0.0})).await;
    // A message in a hundred thousand would fail eight times in a row.
    app.add_worker_with(["--delivery-attempts", "20"]);
    let id = launch(&app.client, "down", EVERYBODY, Some(20)).await;
    until("some are sent", async || vendor.sent().await.len() > 20).await;
    vendor.leave().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let statistics = shown(&app, &id).await["statistics"].clone();
    assert!(statistics["pending"].as_u64().unwrap() > 0, "{statistics}");
    assert_eq!(statistics["undeliverable"], 0, "none is given up");
    vendor.come_back_as(json!({"error_rate": 0.3})).await;
    let before = vendor.requests().await;
    until("it has been asked again and again", async || {
        let is_over = shown(&app, &id).await["status"] == "completed";
        is_over || vendor.requests().await >= before + 10
    })
    .await;
    // What failed rests for a minute at most. Were there errors to the end, some message could fail
    // any number of times.
    vendor.set(json!({"error_rate": 0.0})).await;
    completed(&app.client, &id).await;
    let accounts = assert_accounted(&app.client, &id, &vendor.sent().await).await;
    assert_eq!(accounts["suppressed"], 0);
}

#[tokio::test]
async fn nobody_gets_more_messages_within_a_week_than_is_set() {
    let (mut app, vendor) = start(10).await;
    app.add_worker_with(["--max-messages-per-week", "1"]);
    let first = launch(&app.client, "first", EVERYBODY, None).await;
    // Whichever is resolved first has its messages; this vendor sends no receipts.
    until("the first is resolved", async || {
        let shown = app.client.get(&format!("/api/campaigns/{first}")).await;
        shown.body["size"].is_object()
    })
    .await;
    let second = launch(&app.client, "second", EVERYBODY, None).await;
    completed(&app.client, &second).await;
    let rows = format!("/api/campaigns/{second}/logs");
    let rows = app.client.list(&rows, 500).await;
    let told: BTreeSet<_> = rows
        .iter()
        .map(|row| (row["status"].to_string(), row["suppression"].to_string()))
        .collect();
    let capped = json!({"reason": "frequency_cap", "detail": "at most 1 within a week"});
    let expected = ("\"suppressed\"".to_owned(), capped.to_string());
    assert_eq!((rows.len(), told), (10, BTreeSet::from([expected])));
    let statistics = &shown(&app, &second).await["statistics"];
    assert_eq!(statistics["suppressed_for"], json!({"frequency_cap": 10}));
    until("the first has gone out", async || {
        vendor.sent().await.len() == 10
    })
    .await;
    assert_eq!(shown(&app, &first).await["statistics"]["suppressed"], 0);
}

#[tokio::test]
async fn a_campaign_whose_time_and_grace_have_passed_is_missed_and_goes_out_by_hand() {
    let (mut app, vendor) = start(3).await;
    let at = Utc::now() + TimeDelta::milliseconds(1_500);
    let body = json!({
        "name": "Missed",
        "rules": EVERYBODY,
        "message": {"template": "Hi {{ name }}"},
        "scheduled_at": at,
    });
    let created = app.client.post("/api/campaigns", body).await;
    assert_eq!(
        (created.status, &created.body["status"]),
        (201, &json!("scheduled"))
    );
    let id = created.body["campaign_id"].as_str().unwrap();
    let grace = TimeDelta::milliseconds(500);
    until("its grace is over", async || Utc::now() > at + grace).await;
    app.add_worker_with(["--schedule-grace", "500ms"]);
    let patience = Duration::from_secs(60);
    eventually_within(patience, "it is missed", async || {
        let answer = app.client.get(&format!("/api/campaigns/{id}")).await;
        (answer.body["status"] == "missed").then_some(())
    })
    .await;
    assert_eq!(vendor.sent().await.len(), 0);
    let path = format!("/api/campaigns/{id}/launch");
    assert_eq!(app.client.post(&path, json!({})).await.status, 202);
    until("it goes out", async || vendor.sent().await.len() == 3).await;
    until_status(&app, id, "sending").await;
}
