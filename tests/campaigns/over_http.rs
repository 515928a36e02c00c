//! Campaigns over HTTP, as an operator sees them: a vendor that sends no receipts, a frequency cap,
//! a missed schedule.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use crate::api::with;
use crate::support::app::App;
use crate::support::campaign::{assert_accounted, launch, wait_for_completion};
use crate::support::receipts::post;
use crate::support::vendor::Vendor;
use crate::support::wait::{eventually, eventually_within, until};

const EVERYBODY: &str = "order_count = 0";

/// Starts the API with this many reachable customers and a vendor, without a worker.
async fn start(customers: usize) -> (App, Vendor) {
    let vendor = Vendor::start().await;
    let mut app = App::without_workers().await;
    app.vendor = Some(vendor.url.clone());
    let customer = |n: usize| {
        let email = format!("c-{n}@example.com");
        json!({"customer_id": format!("c-{n:03}"), "name": "Ada", "email": email})
    };
    let customers: Value = (0..customers).map(customer).collect();
    app.client
        .post_accepted("/api/data/customers", customers)
        .await;
    (app, vendor)
}

async fn read_campaign(app: &App, id: &str) -> Value {
    app.client.read(&format!("/api/campaigns/{id}")).await
}

#[tokio::test]
async fn missing_receipts_are_reported_and_late_receipts_are_recorded() {
    let (mut app, vendor) = start(60).await;
    let some_are_lost = json!({"lost_rate": 0.3, "receipt_delay_ms": {"min": 0, "max": 100}});
    vendor.configure(some_are_lost).await;
    app.add_worker();
    let id = launch(&app.client, "silent", EVERYBODY, None).await;
    let path = format!("/api/campaigns/{id}");
    app.client.wait_until_caught_up().await;
    let lost = eventually("all other receipts have arrived", async || {
        let lost = vendor.lost_receipts().await;
        let statistics = read_campaign(&app, &id).await["statistics"].clone();
        let ended = statistics["delivered"].as_u64()? + statistics["failed"].as_u64()?;
        (lost > 0 && ended + lost == 60).then_some(lost)
    })
    .await;
    app.client.wait_until_caught_up().await;
    let campaign = read_campaign(&app, &id).await;
    assert_eq!(campaign["status"], "sending", "it waits for receipts");
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

    let late: Value = rows.iter().map(delivered_receipt).collect();
    assert_eq!(post(&app.client, &late).await.body["accepted"], lost);
    wait_for_completion(&app.client, &id).await;
    assert_accounted(&app.client, &id, &vendor.sent().await).await;
}

/// After the time for receipts, messages without one no longer keep a campaign open. Receipts
/// that come later still count, and so do bounces and complaints after the end.
#[tokio::test]
async fn a_campaign_does_not_wait_forever_for_receipts() {
    let (mut app, vendor) = start(20).await;
    vendor.configure(json!({"lost_rate": 1.0})).await;
    app.add_worker_with(["--receipt-window", "2s"]);
    let id = launch(&app.client, "lost", EVERYBODY, None).await;
    let path = wait_for_completion(&app.client, &id).await;
    app.client.wait_until_caught_up().await;
    let counts = async || {
        app.client.wait_until_caught_up().await;
        let statistics = read_campaign(&app, &id).await["statistics"].clone();
        let names = ["sent", "unconfirmed", "delivered", "failed", "bounced"];
        names.map(|name| statistics[name].as_u64().unwrap())
    };
    assert_eq!(counts().await, [20, 20, 0, 0, 0]);
    let rows = app
        .client
        .list(&format!("{path}/logs?status=unconfirmed"), 500)
        .await;
    assert_eq!(rows.len(), 20);
    assert!(rows.iter().all(|row| row["ended_at"].is_string()));
    let accounts = app.client.read(&format!("{path}/reconcile")).await;
    assert_eq!(accounts["discrepancies"], json!([]), "{accounts}");
    assert_eq!(accounts["unconfirmed"], 20);

    let late = delivered_receipt(&rows[0]);
    assert_eq!(post(&app.client, &late).await.body["accepted"], 1);
    assert_eq!(counts().await, [20, 19, 1, 0, 0]);
    let bounced = with(
        delivered_receipt(&rows[0]),
        json!({"status": "bounced", "bounce": "hard"}),
    );
    let complained = with(late, json!({"status": "complained"}));
    let both = json!([bounced, complained]);
    assert_eq!(post(&app.client, &both).await.body["accepted"], 2);
    assert_eq!(counts().await, [19, 19, 0, 1, 1]);
    let lost = with(
        delivered_receipt(&rows[1]),
        json!({"occurred_at": "yesterday"}),
    );
    assert_eq!(post(&app.client, &lost).await.body["rejected"], 1);
    app.client.wait_until_caught_up().await;
    let accounts = app.client.read(&format!("{path}/reconcile")).await;
    assert_eq!(accounts["discrepancies"], json!([]), "{accounts}");
    assert_eq!(accounts["views_compared"], true);
    let expected = [
        ("sent", 19),
        ("failed", 1),
        ("bounced", 1),
        ("complained", 1),
        ("unconfirmed", 19),
        ("refused_receipts", 1),
    ];
    for (name, count) in expected {
        assert_eq!(accounts[name], count, "{name}: {accounts}");
    }
    assert_eq!(read_campaign(&app, &id).await["status"], "completed");
}

/// Receipt for a row of the communication log whose receipt was lost.
fn delivered_receipt(row: &Value) -> Value {
    json!({
        "message_id": row["message_id"],
        "vendor_message_id": row["vendor_message_id"],
        "status": "delivered",
        "occurred_at": Utc::now(),
    })
}

/// Timeouts, backoffs and breaker have their defaults.
#[tokio::test]
async fn every_message_is_sent_despite_a_minute_of_outage_and_later_errors() {
    let (mut app, mut vendor) = start(100).await;
    vendor.configure(json!({"lost_rate": 0.0})).await;
    // With the default of eight attempts and errors in 30 % of the requests, one message in about
    // fifteen thousand would become undeliverable.
    app.add_worker_with(["--delivery-attempts", "20"]);
    let id = launch(&app.client, "down", EVERYBODY, Some(20)).await;
    until("some are sent", async || vendor.sent().await.len() > 20).await;
    vendor.stop().await;
    // The test needs an outage of this length, so there is no condition to wait for.
    tokio::time::sleep(Duration::from_secs(60)).await;
    let statistics = read_campaign(&app, &id).await["statistics"].clone();
    assert!(statistics["pending"].as_u64().unwrap() > 0, "{statistics}");
    assert_eq!(statistics["undeliverable"], 0, "no message is given up");
    vendor.restart_with(json!({"error_rate": 0.3})).await;
    let before = vendor.request_count().await;
    until("the vendor has received ten more requests", async || {
        let is_completed = read_campaign(&app, &id).await["status"] == "completed";
        is_completed || vendor.request_count().await >= before + 10
    })
    .await;
    // Errors end here so that the test has a bound: a failed message waits for up to a minute
    // before its next attempt, and could otherwise fail any number of times.
    vendor.configure(json!({"error_rate": 0.0})).await;
    wait_for_completion(&app.client, &id).await;
    let accounts = assert_accounted(&app.client, &id, &vendor.sent().await).await;
    assert_eq!(accounts["suppressed"], 0);
}

#[tokio::test]
async fn the_weekly_cap_suppresses_further_messages() {
    let (mut app, vendor) = start(10).await;
    app.add_worker_with(["--max-messages-per-week", "1"]);
    let first = launch(&app.client, "first", EVERYBODY, None).await;
    // The campaign that is resolved first uses up the cap. This vendor sends no receipts.
    until("the first campaign is resolved", async || {
        let shown = app.client.get(&format!("/api/campaigns/{first}")).await;
        shown.body["size"].is_object()
    })
    .await;
    let second = launch(&app.client, "second", EVERYBODY, None).await;
    wait_for_completion(&app.client, &second).await;
    let rows = format!("/api/campaigns/{second}/logs");
    let rows = app.client.list(&rows, 500).await;
    let outcomes: BTreeSet<_> = rows
        .iter()
        .map(|row| (row["status"].to_string(), row["suppression"].to_string()))
        .collect();
    let capped = json!({"reason": "frequency_cap", "detail": "at most 1 within a week"});
    let expected = ("\"suppressed\"".to_owned(), capped.to_string());
    assert_eq!((rows.len(), outcomes), (10, BTreeSet::from([expected])));
    let statistics = &read_campaign(&app, &second).await["statistics"];
    assert_eq!(statistics["suppressed_for"], json!({"frequency_cap": 10}));
    until("the first campaign is sent", async || {
        vendor.sent().await.len() == 10
    })
    .await;
    assert_eq!(
        read_campaign(&app, &first).await["statistics"]["suppressed"],
        0
    );
}

#[tokio::test]
async fn a_campaign_past_its_grace_period_is_missed_and_can_be_launched_by_hand() {
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
    until("the grace period is over", async || Utc::now() > at + grace).await;
    app.add_worker_with(["--schedule-grace", "500ms"]);
    let patience = Duration::from_secs(60);
    eventually_within(patience, "the campaign is missed", async || {
        let answer = app.client.get(&format!("/api/campaigns/{id}")).await;
        (answer.body["status"] == "missed").then_some(())
    })
    .await;
    assert_eq!(vendor.sent().await.len(), 0);
    let path = format!("/api/campaigns/{id}/launch");
    assert_eq!(app.client.post(&path, json!({})).await.status, 202);
    until("the campaign is sent", async || {
        vendor.sent().await.len() == 3
    })
    .await;
    until("the campaign's status is sending", async || {
        read_campaign(&app, id).await["status"] == "sending"
    })
    .await;
}
