//! Explanations: why a customer received a message, or did not.

use chrono::{TimeDelta, Utc};
use domain::{DeliveryAttempt, MessageCommand, Suppression};
use serde_json::{Value, json};

use super::{CampaignDriver, PATH, create, named, record_vips};
use crate::api::with;
use crate::support::app::App;
use crate::support::shop::{minute, text};

async fn recipient(app: &App, id: &str, customer: &str) -> Value {
    app.client.wait_until_caught_up().await;
    app.client
        .read(&format!("{PATH}/{id}/recipients/{customer}"))
        .await
}

#[tokio::test]
async fn a_recipient_is_explained_from_the_launch_to_the_receipt() {
    let mut app = App::without_workers().await;
    record_vips(&app, &["Ada", "Bob"]).await;
    let rules = json!({"rules": "tags contains \"vip\" AND order_count = 0", "launch": true});
    let id = create(&app, with(named("Explained"), rules)).await;
    let driver = CampaignDriver::new(&app, &id).await;
    driver.queue("c-0", "Ada").await;
    let attempt = DeliveryAttempt {
        number: 1,
        problem: text("answered 500"),
        retry_at: minute(1),
    };
    driver
        .apply("c-0", MessageCommand::RecordAttempt(attempt))
        .await;
    driver.record_sent("c-0").await;
    driver.record_receipt("c-0", true).await;
    driver.suppress("c-1", Suppression::NoAddress).await;
    driver.resolve(1, 1).await;
    // Events after the launch make no difference.
    let order = crate::api::order("c-0", "o-1", 100);
    app.client.post_accepted("/api/data/orders", order).await;
    app.add_worker();

    let ada = recipient(&app, &id, "c-0").await;
    assert_eq!(
        (&ada["known"], &ada["matched"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(ada["rules"][1]["value"], json!(["vip"]));
    assert_eq!(ada["rules"][2]["pointer"], "/rules/rules/1");
    assert_eq!(
        (&ada["rules"][2]["value"], &ada["rules"][2]["matches"]),
        (&json!(0), &json!(true))
    );
    assert_eq!(ada["suppression"], Value::Null);
    assert_eq!(ada["message"]["status"], "delivered");
    let expected = [
        "message_queued.1",
        "message_attempted.1",
        "message_sent.1",
        "message_delivered.1",
    ];
    let events = ada["message"]["events"].as_array().unwrap();
    let types: Vec<_> = events.iter().map(|event| event["type"].as_str()).collect();
    assert_eq!(types, expected.map(Some));
    let queued = &ada["message"]["events"][0];
    assert_eq!(
        (&queued["actor"], &queued["data"]["text"]),
        (&json!("worker:test"), &json!("Hi Ada!"))
    );
    assert!(queued["recorded_at"].is_string() && queued["position"].is_string());

    let bob = recipient(&app, &id, "c-1").await;
    assert_eq!(
        bob["suppression"],
        json!({"reason": "no_address", "detail": null})
    );
    assert_eq!(bob["message"]["status"], "suppressed");
}

/// Records a customer with the address of `c-0`.
async fn change_other(app: &App, id: &str, unsubscribed: bool) {
    let mut other = json!({
        "customer_id": id,
        "email": "C-0@example.com",
        "unsubscribed": unsubscribed,
    });
    if !unsubscribed {
        other["consent_at"] = json!((Utc::now() + TimeDelta::milliseconds(2)).to_rfc3339());
    }
    app.client.post_accepted("/api/data/customers", other).await;
}

#[tokio::test]
async fn a_message_that_another_customer_of_the_address_stops_is_explained() {
    let mut app = App::without_workers().await;
    let (driver, id) = CampaignDriver::start(&app, &["Ada", "Bob"]).await;
    app.add_worker();
    let suppression = async |customer: &str| {
        let explained = recipient(&app, &id, customer).await;
        let why = explained["suppression"].clone();
        (why["reason"].clone(), why["detail"].clone())
    };
    let allowed = (Value::Null, Value::Null);
    let by = |detail: &str| (json!("unsubscribed"), json!(detail));
    let list = "/api/suppressions";
    let listed = json!({"address": "c-1@example.com"});

    // There is no vendor, so the messages stay queued: this is what would happen to them.
    assert_eq!(suppression("c-0").await, allowed);
    change_other(&app, "other-1", true).await;
    let first = by("customer other-1 unsubscribed with the same address");
    assert_eq!(suppression("c-0").await, first);
    change_other(&app, "other-2", true).await;
    let both = by("customer other-1 and 1 more unsubscribed with the same address");
    assert_eq!(suppression("c-0").await, both);
    assert_eq!(suppression("c-1").await, allowed);
    assert_eq!(app.client.post(list, listed).await.status, 202);
    let manual = (json!("suppression_list"), json!("manual"));
    assert_eq!(suppression("c-1").await, manual);

    // The reason of a message that is suppressed stays that of its time.
    driver.suppress_now("c-0", Suppression::Unsubscribed).await;
    for other in ["other-1", "other-2"] {
        change_other(&app, other, false).await;
    }
    assert_eq!(suppression("c-0").await, both);
    let own = json!({"customer_id": "c-1", "unsubscribed": true});
    app.client.post_accepted("/api/data/customers", own).await;
    assert_eq!(
        suppression("c-1").await,
        (json!("unsubscribed"), Value::Null)
    );
}

#[tokio::test]
async fn a_customer_outside_the_audience_is_explained() {
    let mut app = App::without_workers().await;
    record_vips(&app, &["Ada"]).await;
    let other = json!({"customer_id": "x-1", "tags": ["new"]});
    app.client.post_accepted("/api/data/customers", other).await;
    let id = create(&app, with(named("Not for all"), json!({"launch": true}))).await;
    let late = json!([
        {"customer_id": "x-1", "tags": ["vip"]},
        {"customer_id": "x-2", "tags": ["vip"]},
    ]);
    app.client.post_accepted("/api/data/customers", late).await;
    app.add_worker();
    let other = recipient(&app, &id, "x-1").await;
    assert_eq!(
        (&other["known"], &other["matched"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(other["rules"][1]["value"], json!(["new"]));
    assert_eq!(other["message"], Value::Null);
    for unknown in ["x-2", "x-3"] {
        let unknown = recipient(&app, &id, unknown).await;
        assert_eq!(
            (&unknown["known"], &unknown["matched"]),
            (&json!(false), &json!(false))
        );
        assert_eq!(unknown["rules"], json!([]));
    }
    let odd = app
        .client
        .get(&format!("{PATH}/{id}/recipients/a%0Ab"))
        .await;
    odd.assert_problem(400, "invalid-parameter");
}
