//! Explanations: why a customer received a message, or did not.

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
