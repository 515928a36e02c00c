//! Accounting for every recipient, and finding made-up damage.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use domain::{AudienceSize, Suppression};
use mongodb::bson::{Document, doc};
use serde_json::{Value, json};

use super::{PATH, Work, create, named, steer, store, vips};
use crate::api::with;
use crate::support::app::App;

const NAMES: [&str; 6] = ["Ada", "Bob", "Cy", "Di", "Eve", "Flo"];

async fn reconciled(app: &App, id: &str) -> Value {
    app.client.caught_up().await;
    app.client.read(&format!("{PATH}/{id}/reconcile")).await
}

/// Kinds of discrepancies, with whom they are about.
fn found(reconciled: &Value) -> Vec<(String, Option<String>)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let all = reconciled["discrepancies"].as_array().unwrap().iter();
    let mut found: Vec<_> = all
        .map(|d| (text(&d["kind"]).unwrap(), text(&d["customer_id"])))
        .collect();
    assert_eq!(reconciled["discrepancies_found"], found.len());
    found.sort();
    found
}

fn about(kind: &str, customer: &str) -> (String, Option<String>) {
    (kind.to_owned(), Some(customer.to_owned()))
}

fn alone(kind: &str) -> (String, Option<String>) {
    (kind.to_owned(), None)
}

#[tokio::test]
async fn everybody_is_accounted_for() {
    let mut app = App::without_workers().await;
    let (work, id) = Work::started(&app, &NAMES).await;
    work.suppress("c-0", Suppression::Unsubscribed).await;
    for customer in ["c-1", "c-2", "c-3"] {
        work.send(customer).await;
    }
    work.receive("c-1", true).await;
    work.receive("c-2", false).await;
    work.give_up("c-4").await;
    // What comes after the launch makes no difference.
    let later = json!([
        {"customer_id": "c-5", "tags": []},
        {"customer_id": "c-9", "tags": ["vip"]},
    ]);
    app.client.accept("/api/data/customers", later).await;
    app.add_worker();
    let reconciled = reconciled(&app, &id).await;
    let rows = app
        .client
        .read(&format!("{PATH}/{id}/logs?status=sent"))
        .await;
    assert_eq!(
        reconciled,
        json!({
            "campaign_id": id, "status": "sending",
            "planned": 6, "sent": 2, "delivered": 1, "failed": 2, "suppressed": 1, "pending": 1,
            "awaiting_receipt": 1, "awaiting_since": rows["items"][0]["sent_at"],
            "undetermined": 0, "quarantined": [],
            "views_compared": true, "texts_compared": true, "discrepancies": [], "discrepancies_found": 0,
            "undetermined": 0, "quarantined": [],
        })
    );
}

#[tokio::test]
async fn who_is_not_queued_yet_is_pending_and_after_a_cancellation_left_out() {
    let app = App::without_workers().await;
    vips(&app, &NAMES).await;
    let id = create(&app, with(named("Early"), json!({"launch": true}))).await;
    let work = Work::on(&app, &id).await;
    work.queue("c-0", "Ada").await;
    let path = format!("{PATH}/{id}/reconcile");
    let early = app.client.read(&path).await;
    assert_eq!(
        (&early["planned"], &early["pending"]),
        (&json!(6), &json!(6))
    );
    assert_eq!(early["views_compared"], false, "nobody has folded anything");
    assert_eq!(found(&early), []);
    work.suppress("c-0", Suppression::Cancelled).await;
    steer(&app, &id, "cancel").await;
    let over = app.client.read(&path).await;
    assert_eq!(
        (&over["planned"], &over["suppressed"]),
        (&json!(6), &json!(6))
    );
    assert_eq!(found(&over), []);
}

#[tokio::test]
async fn a_message_too_few_and_one_too_many_are_found() {
    let mut app = App::without_workers().await;
    vips(&app, &NAMES).await;
    let stranger = json!({"customer_id": "x-1", "name": "Stranger"});
    app.client.accept("/api/data/customers", stranger).await;
    let id = create(&app, with(named("Damaged"), json!({"launch": true}))).await;
    let work = Work::on(&app, &id).await;
    for customer in ["c-0", "c-1", "c-2", "c-4", "x-1"] {
        work.queue(customer, "Vip").await;
    }
    work.resolve(5, 0).await;
    app.add_worker();
    let reconciled = reconciled(&app, &id).await;
    assert_eq!(
        found(&reconciled),
        [
            about("missing_message", "c-3"),
            about("missing_message", "c-5"),
            alone("size_differs"),
            about("unexpected_message", "x-1"),
        ]
    );
    let of_stranger = reconciled["discrepancies"].as_array().unwrap().iter();
    let mut of_stranger = of_stranger.filter(|d| d["customer_id"] == "x-1");
    let digits = id.trim_start_matches("cmp_");
    let message = format!("msg_{digits}_x-1");
    assert_eq!(of_stranger.next().unwrap()["message_id"], message);
}

#[tokio::test]
async fn a_size_that_nobody_counted_is_found() {
    let mut app = App::without_workers().await;
    vips(&app, &NAMES).await;
    let id = create(&app, with(named("Miscounted"), json!({"launch": true}))).await;
    let work = Work::on(&app, &id).await;
    for (index, name) in NAMES.iter().enumerate() {
        work.queue(&format!("c-{index}"), name).await;
    }
    let size = AudienceSize {
        planned: 6,
        queued: 4,
        suppressed: 1,
        undetermined: 0,
    };
    work.record(size).await;
    app.add_worker();
    let reconciled = reconciled(&app, &id).await;
    assert_eq!(found(&reconciled), [alone("size_differs")]);
    assert_eq!(
        reconciled["discrepancies"][0]["detail"],
        "the campaign recorded 5 messages, the log has 6"
    );
}

#[tokio::test]
async fn views_that_say_otherwise_are_found() {
    let mut app = App::without_workers().await;
    let (work, id) = Work::started(&app, &NAMES).await;
    work.send("c-0").await;
    app.add_worker();
    assert_eq!(found(&reconciled(&app, &id).await), []);
    let store = store(&app).await;
    let collection = |view: &str| {
        store
            .database()
            .collection::<Document>(&format!("{view}_g1"))
    };

    let messages = collection("messages");
    let message = |customer: &str| doc! {"_id": work.message(customer).to_string()};
    messages.delete_one(message("c-1")).await.unwrap();
    let lost = doc! {"$set": {"status": "failed"}};
    messages.update_one(message("c-2"), lost).await.unwrap();
    let damaged = reconciled(&app, &id).await;
    let views = [about("view_differs", "c-1"), about("view_differs", "c-2")];
    assert_eq!(found(&damaged), views);
    assert_eq!(
        damaged["discrepancies"][0]["detail"],
        "is missing in the view and queued in the log"
    );

    let stats = collection("campaign_stats");
    let more = doc! {"$inc": {"by_status.delivered": 2}};
    stats.update_one(doc! {}, more).await.unwrap();
    let damaged = reconciled(&app, &id).await;
    let all = [&[alone("statistics_differ")], &views[..]].concat();
    assert_eq!(found(&damaged), all);
    assert_eq!(
        (&damaged["planned"], &damaged["sent"]),
        (&json!(6), &json!(1)),
        "the log holds"
    );
}

/// Unsubscribes a customer; the number of that event in its partition.
async fn unsubscribe(app: &App, customer: &str) -> u64 {
    let body = json!({"customer_id": customer, "unsubscribed": true});
    let answer = app.client.post("/api/data/customers", body).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let position = answer.body["position"].as_str().unwrap();
    position.split_once(':').unwrap().1.parse().unwrap()
}

#[tokio::test]
async fn messages_to_customers_who_had_unsubscribed_are_found() {
    let mut app = App::without_workers().await;
    let (work, id) = Work::started(&app, &NAMES).await;
    let mut unsubscribed = Vec::new();
    for customer in ["c-0", "c-1", "c-2"] {
        unsubscribed.push(unsubscribe(&app, customer).await);
    }
    let (before, after) = (
        Utc::now() - TimeDelta::hours(1),
        Utc::now() + TimeDelta::minutes(1),
    );
    // By the clock, and by what the sender had read.
    work.hand_over("c-0", after, 0).await;
    work.hand_over("c-1", before, unsubscribed[1]).await;
    // On its way before the customer unsubscribed; and to somebody who never did.
    work.hand_over("c-2", before, unsubscribed[2] - 1).await;
    work.hand_over("c-3", after, unsubscribed[2]).await;
    work.send("c-4").await;
    app.add_worker();
    let reconciled = reconciled(&app, &id).await;
    let kind = "sent_after_unsubscribe";
    assert_eq!(found(&reconciled), [about(kind, "c-0"), about(kind, "c-1")]);
    let detail = &reconciled["discrepancies"].to_string();
    assert!(
        detail.contains("ms after the customer had unsubscribed"),
        "{detail}"
    );
    assert_eq!(reconciled["sent"], 5, "they were sent all the same");
}

#[tokio::test]
async fn messages_sent_after_a_pause_or_a_cancellation_are_found() {
    for stop in ["pause", "cancel"] {
        let mut app = App::without_workers().await;
        let (work, id) = Work::started(&app, &NAMES).await;
        let before = Utc::now() - TimeDelta::minutes(1);
        assert_eq!(steer(&app, &id, stop).await.status, 202);
        let after = Utc::now() + TimeDelta::minutes(1);
        work.hand_over("c-0", before, 0).await;
        work.hand_over("c-1", after, 0).await;
        app.add_worker();
        let reconciled = reconciled(&app, &id).await;
        assert_eq!(found(&reconciled), [about("sent_after_stop", "c-1")]);
    }
}

/// The reconciliation waits for the views once it has read the log; it goes on when the worker has
/// folded what happened meanwhile.
#[tokio::test]
async fn a_campaign_resumed_during_a_reconciliation_is_not_found() {
    let mut app = App::without_workers().await;
    let (work, id) = Work::started(&app, &NAMES).await;
    assert_eq!(steer(&app, &id, "pause").await.status, 202);
    let client = app.client.clone();
    let path = format!("{PATH}/{id}/reconcile");
    let mut reconciling = tokio::spawn(async move { client.read(&path).await });
    let head_start = tokio::time::timeout(Duration::from_secs(1), &mut reconciling);
    assert!(head_start.await.is_err(), "it waits for the views");
    assert_eq!(steer(&app, &id, "resume").await.status, 202);
    work.hand_over("c-0", Utc::now() + TimeDelta::minutes(1), 0)
        .await;
    app.add_worker();
    assert_eq!(found(&reconciling.await.unwrap()), []);
}
