//! Reconciliation: every recipient is accounted for, and damage is found.

use chrono::{TimeDelta, Utc};
use domain::{AudienceSize, Suppression};
use mongodb::bson::{Document, doc};
use serde_json::{Value, json};

use super::{
    CampaignDriver, PATH, create, named, post_command, reconcile_path, record_vips, store,
};
use crate::api::with;
use crate::support::app::App;
use crate::support::wait::{eventually, until};

const NAMES: [&str; 6] = ["Ada", "Bob", "Cy", "Di", "Eve", "Flo"];

async fn reconcile(app: &App, id: &str) -> Value {
    app.client.wait_until_caught_up().await;
    app.client.read(&format!("{PATH}/{id}/reconcile")).await
}

/// Returns the kind and the customer of each discrepancy, sorted.
fn discrepancies(reconciled: &Value) -> Vec<(String, Option<String>)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let all = reconciled["discrepancies"].as_array().unwrap().iter();
    let mut found: Vec<_> = all
        .map(|d| (text(&d["kind"]).unwrap(), text(&d["customer_id"])))
        .collect();
    assert_eq!(reconciled["discrepancies_found"], found.len());
    found.sort();
    found
}

fn of_customer(kind: &str, customer: &str) -> (String, Option<String>) {
    (kind.to_owned(), Some(customer.to_owned()))
}

fn of_campaign(kind: &str) -> (String, Option<String>) {
    (kind.to_owned(), None)
}

#[tokio::test]
async fn every_recipient_is_accounted_for() {
    let mut app = App::without_workers().await;
    let (driver, id) = CampaignDriver::start(&app, &NAMES).await;
    driver.suppress("c-0", Suppression::Unsubscribed).await;
    for customer in ["c-1", "c-2", "c-3"] {
        driver.record_sent(customer).await;
    }
    driver.record_receipt("c-1", true).await;
    driver.record_receipt("c-2", false).await;
    driver.give_up("c-4").await;
    // Events after the launch make no difference.
    let later = json!([
        {"customer_id": "c-5", "tags": []},
        {"customer_id": "c-9", "tags": ["vip"]},
    ]);
    app.client.post_accepted("/api/data/customers", later).await;
    app.add_worker();
    let reconciled = reconcile(&app, &id).await;
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
            "unconfirmed": 0, "bounced": 0, "rejected": 0, "undeliverable": 1,
            "complained": 0, "refused_receipts": 0,
            "undetermined": 0, "quarantined": [],
            "views_compared": true, "texts_compared": true, "discrepancies": [], "discrepancies_found": 0,
            "undetermined": 0, "quarantined": [],
        })
    );
}

#[tokio::test]
async fn recipients_without_a_message_are_pending_and_suppressed_by_a_cancellation() {
    let app = App::without_workers().await;
    record_vips(&app, &NAMES).await;
    let id = create(&app, with(named("Early"), json!({"launch": true}))).await;
    let driver = CampaignDriver::new(&app, &id).await;
    driver.queue("c-0", "Ada").await;
    let path = format!("{PATH}/{id}/reconcile");
    let early = app.client.read(&path).await;
    assert_eq!(
        (&early["planned"], &early["pending"]),
        (&json!(6), &json!(6))
    );
    assert_eq!(
        early["views_compared"], false,
        "no worker has folded any event"
    );
    assert_eq!(discrepancies(&early), []);
    driver.suppress("c-0", Suppression::Cancelled).await;
    post_command(&app, &id, "cancel").await;
    let cancelled = app.client.read(&path).await;
    assert_eq!(
        (&cancelled["planned"], &cancelled["suppressed"]),
        (&json!(6), &json!(6))
    );
    assert_eq!(discrepancies(&cancelled), []);
}

#[tokio::test]
async fn missing_and_unexpected_messages_are_found() {
    let mut app = App::without_workers().await;
    record_vips(&app, &NAMES).await;
    let stranger = json!({"customer_id": "x-1", "name": "Stranger"});
    app.client
        .post_accepted("/api/data/customers", stranger)
        .await;
    let id = create(&app, with(named("Damaged"), json!({"launch": true}))).await;
    let driver = CampaignDriver::new(&app, &id).await;
    for customer in ["c-0", "c-1", "c-2", "c-4", "x-1"] {
        driver.queue(customer, "Vip").await;
    }
    driver.resolve(5, 0).await;
    app.add_worker();
    let reconciled = reconcile(&app, &id).await;
    assert_eq!(
        discrepancies(&reconciled),
        [
            of_customer("missing_message", "c-3"),
            of_customer("missing_message", "c-5"),
            of_campaign("size_differs"),
            of_customer("unexpected_message", "x-1"),
        ]
    );
    let unexpected = reconciled["discrepancies"].as_array().unwrap().iter();
    let mut unexpected = unexpected.filter(|d| d["customer_id"] == "x-1");
    let digits = id.trim_start_matches("cmp_");
    let message = format!("msg_{digits}_x-1");
    assert_eq!(unexpected.next().unwrap()["message_id"], message);
}

#[tokio::test]
async fn a_wrong_audience_size_is_found() {
    let mut app = App::without_workers().await;
    record_vips(&app, &NAMES).await;
    let id = create(&app, with(named("Miscounted"), json!({"launch": true}))).await;
    let driver = CampaignDriver::new(&app, &id).await;
    for (index, name) in NAMES.iter().enumerate() {
        driver.queue(&format!("c-{index}"), name).await;
    }
    let size = AudienceSize {
        planned: 6,
        queued: 4,
        suppressed: 1,
        undetermined: 0,
    };
    driver.record_audience(size).await;
    app.add_worker();
    let reconciled = reconcile(&app, &id).await;
    assert_eq!(discrepancies(&reconciled), [of_campaign("size_differs")]);
    assert_eq!(
        reconciled["discrepancies"][0]["detail"],
        "the campaign recorded 5 messages, the log has 6"
    );
}

#[tokio::test]
async fn views_that_differ_from_the_log_are_found() {
    let mut app = App::without_workers().await;
    let (driver, id) = CampaignDriver::start(&app, &NAMES).await;
    driver.record_sent("c-0").await;
    app.add_worker();
    assert_eq!(discrepancies(&reconcile(&app, &id).await), []);
    let store = store(&app).await;
    let collection = |view: &str| {
        store
            .database()
            .collection::<Document>(&format!("{view}_g1"))
    };

    let messages = collection("messages");
    let message = |customer: &str| doc! {"_id": driver.message_id(customer).to_string()};
    messages.delete_one(message("c-1")).await.unwrap();
    let lost = doc! {"$set": {"status": "failed"}};
    messages.update_one(message("c-2"), lost).await.unwrap();
    let damaged = reconcile(&app, &id).await;
    let views = [
        of_customer("view_differs", "c-1"),
        of_customer("view_differs", "c-2"),
    ];
    assert_eq!(discrepancies(&damaged), views);
    assert_eq!(
        damaged["discrepancies"][0]["detail"],
        "is missing in the view and queued in the log"
    );

    let stats = collection("campaign_stats");
    let more = doc! {"$inc": {"by_status.delivered": 2}};
    stats.update_one(doc! {}, more).await.unwrap();
    let damaged = reconcile(&app, &id).await;
    let all = [&[of_campaign("statistics_differ")], &views[..]].concat();
    assert_eq!(discrepancies(&damaged), all);
    assert_eq!(
        (&damaged["planned"], &damaged["sent"]),
        (&json!(6), &json!(1)),
        "the figures are those of the log"
    );
}

/// Unsubscribes a customer and returns the number of that event in its partition.
async fn unsubscribe(app: &App, customer: &str) -> u64 {
    let body = json!({"customer_id": customer, "unsubscribed": true});
    let answer = app.client.post("/api/data/customers", body).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let position = answer.body["position"].as_str().unwrap();
    position.split_once(':').unwrap().1.parse().unwrap()
}

#[tokio::test]
async fn messages_sent_after_an_unsubscription_are_found() {
    let mut app = App::without_workers().await;
    let (driver, id) = CampaignDriver::start(&app, &NAMES).await;
    let mut unsubscribed = Vec::new();
    for customer in ["c-0", "c-1", "c-2"] {
        unsubscribed.push(unsubscribe(&app, customer).await);
    }
    let (before, after) = (
        Utc::now() - TimeDelta::hours(1),
        Utc::now() + TimeDelta::minutes(1),
    );
    // Both were sent too late: one by the clock, the other by what the sender had read.
    driver.record_sent_at("c-0", after, 0).await;
    driver.record_sent_at("c-1", before, unsubscribed[1]).await;
    // The first was sent before the customer unsubscribed; the others never unsubscribed.
    driver
        .record_sent_at("c-2", before, unsubscribed[2] - 1)
        .await;
    driver.record_sent_at("c-3", after, unsubscribed[2]).await;
    driver.record_sent("c-4").await;
    app.add_worker();
    let reconciled = reconcile(&app, &id).await;
    let kind = "sent_after_unsubscribe";
    assert_eq!(
        discrepancies(&reconciled),
        [of_customer(kind, "c-0"), of_customer(kind, "c-1")]
    );
    let detail = &reconciled["discrepancies"].to_string();
    assert!(
        detail.contains("ms after the customer had unsubscribed"),
        "{detail}"
    );
    assert_eq!(reconciled["sent"], 5, "late messages count as sent");
}

/// Records another customer with the address of `c-…`, or changes them.
async fn change_other(app: &App, number: usize, unsubscribed: bool) {
    let mut body = json!({
        "customer_id": format!("other-{number}"),
        "email": format!("C-{number}@example.com"),
        "unsubscribed": unsubscribed,
    });
    if !unsubscribed {
        body["consent_at"] = json!((Utc::now() + TimeDelta::milliseconds(2)).to_rfc3339());
    }
    app.client.post_accepted("/api/data/customers", body).await;
}

#[tokio::test]
async fn messages_to_an_address_with_which_another_customer_unsubscribed_are_found() {
    let mut app = App::without_workers().await;
    let (driver, id) = CampaignDriver::start(&app, &NAMES).await;
    for number in 0..4 {
        change_other(&app, number, true).await;
    }
    // Lifted before the message is sent.
    change_other(&app, 1, false).await;
    // This customer unsubscribed too, which is one discrepancy and not two.
    unsubscribe(&app, "c-2").await;
    let (before, after) = (
        Utc::now() - TimeDelta::hours(1),
        Utc::now() + TimeDelta::minutes(1),
    );
    for customer in ["c-0", "c-1", "c-2"] {
        driver.record_sent_at(customer, after, 0).await;
    }
    // Sent before that.
    driver.record_sent_at("c-3", before, 0).await;
    // Suppressed for the other customer, as it should be.
    change_other(&app, 4, true).await;
    driver.suppress("c-4", Suppression::Unsubscribed).await;
    app.add_worker();
    let reconciled = reconcile(&app, &id).await;
    let kind = "sent_after_unsubscribe";
    assert_eq!(
        discrepancies(&reconciled),
        [of_customer(kind, "c-0"), of_customer(kind, "c-2")]
    );
    let detail = &reconciled["discrepancies"].to_string();
    assert!(
        detail.contains("ms after a customer with the same address had unsubscribed"),
        "{detail}"
    );
}

#[tokio::test]
async fn messages_sent_after_a_pause_or_a_cancellation_are_found() {
    for stop in ["pause", "cancel"] {
        let mut app = App::without_workers().await;
        let (driver, id) = CampaignDriver::start(&app, &NAMES).await;
        let before = Utc::now() - TimeDelta::minutes(1);
        assert_eq!(post_command(&app, &id, stop).await.status, 202);
        let after = Utc::now() + TimeDelta::minutes(1);
        driver.record_sent_at("c-0", before, 0).await;
        driver.record_sent_at("c-1", after, 0).await;
        app.add_worker();
        let reconciled = reconcile(&app, &id).await;
        assert_eq!(
            discrepancies(&reconciled),
            [of_customer("sent_after_stop", "c-1")]
        );
    }
}

/// The reconciliation reads the log, then waits for the views. It continues when the worker has
/// also folded the events recorded meanwhile.
#[tokio::test]
async fn a_resume_during_a_reconciliation_is_no_discrepancy() {
    // As a job, it shows how much of the log it has read.
    let as_jobs = vec![("PATRON_JOB_AFTER", "0s".to_owned())];
    let mut app = App::with_environment(as_jobs).await;
    let (driver, id) = CampaignDriver::start(&app, &NAMES).await;
    assert_eq!(post_command(&app, &id, "pause").await.status, 202);
    let accepted = app.client.get(&reconcile_path(&id)).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let path = accepted.header("location");
    until("the log has been read", async || {
        let job = app.client.read(path).await;
        assert_eq!(job["status"], "running", "it waits for the views");
        let progress = &job["progress"];
        progress["of"] != 0 && progress["read"] == progress["of"]
    })
    .await;
    assert_eq!(post_command(&app, &id, "resume").await.status, 202);
    driver
        .record_sent_at("c-0", Utc::now() + TimeDelta::minutes(1), 0)
        .await;
    app.add_worker();
    let result = eventually("the job is done", async || {
        let job = app.client.read(path).await;
        (job["status"] == "done").then(|| job["result"].clone())
    })
    .await;
    assert_eq!(discrepancies(&result), []);
}
