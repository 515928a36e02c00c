//! Messages to customers whose ids have signs, spaces, slashes and accents.

use std::collections::BTreeSet;

use domain::{Channel, MessageCommand, MessageStatus, key_part};
use reqwest::{Method, header};
use serde_json::{Value, json};

use super::{CampaignDriver, create_launched, post_command};
use crate::api::shop_ids::ids;
use crate::support::app::App;
use crate::support::campaign::{assert_accounted, launch, wait_for_completion};
use crate::support::client::send;
use crate::support::receipts;
use crate::support::shop::{rendered_content, text};
use crate::support::vendor::Vendor;

/// Records a customer with the tag `vip` for each id.
async fn record_customers(app: &App) {
    let customers = ids().into_iter().enumerate();
    let customers = customers.map(|(n, (sent, _))| {
        let email = format!("ada{n}@example.com");
        json!({"customer_id": sent, "name": "Ada", "email": email, "tags": ["vip"]})
    });
    let customers: Vec<Value> = customers.collect();
    app.client
        .post_accepted("/api/data/customers", customers.into())
        .await;
}

#[tokio::test]
async fn a_campaign_reaches_everyone_through_the_vendor() {
    let vendor = Vendor::start().await;
    vendor.configure(json!({"lost_rate": 0.0})).await;
    let mut app = App::without_workers().await;
    app.vendor = Some(vendor.url.clone());
    record_customers(&app).await;
    app.add_worker();
    let id = launch(&app.client, "k-1", "tags contains vip", None).await;
    wait_for_completion(&app.client, &id).await;
    let digits = id.trim_start_matches("cmp_");
    let expected = ids().map(|(_, customer)| format!("msg_{digits}_{customer}"));
    let sent = vendor.sent().await;
    assert_accounted(&app.client, &id, &sent).await;
    let sent: BTreeSet<String> = sent.into_keys().collect();
    assert_eq!(sent, BTreeSet::from(expected));
}

#[tokio::test]
async fn messages_are_listed_retried_and_receipted_whatever_the_id() {
    let mut app = App::without_workers().await;
    record_customers(&app).await;
    let id = create_launched(&app).await;
    let driver = CampaignDriver::new(&app, &id).await;
    for (n, (_, customer)) in ids().into_iter().enumerate() {
        let values = json!({"name": "Ada"});
        let email = format!("ada{n}@example.com");
        let content = rendered_content(Channel::Email, &email, "Hi {{ name }}!", values);
        driver
            .apply(&customer, MessageCommand::Queue(content))
            .await;
        driver.give_up(&customer).await;
    }
    driver.resolve(4, 0).await;
    app.add_worker();
    app.client.wait_until_caught_up().await;
    let all: BTreeSet<String> = ids().map(|(_, id)| id).into();
    let rows = app
        .client
        .list(&format!("/api/campaigns/{id}/logs"), 1)
        .await;
    let undeliverable = rows.iter().map(|row| {
        assert_eq!(row["status"], "undeliverable");
        row["customer_id"].as_str().unwrap().to_owned()
    });
    assert_eq!(undeliverable.collect::<BTreeSet<_>>(), all);

    let retried = post_command(&app, &id, "retry").await;
    assert_eq!(retried.body, json!({"requeued": 4}));
    let mut posted = Vec::new();
    for (sent, customer) in ids() {
        let head = driver.head(&customer).await;
        assert_eq!(head.status(), Some(MessageStatus::Queued));
        let handover = MessageCommand::RecordSent(text("vm_1").into());
        driver.apply(&customer, handover).await;
        let campaign = id.trim_start_matches("cmp_");
        posted.push(json!({
            "message_id": format!("msg_{campaign}_{sent}"),
            "vendor_message_id": "vm_1",
            "status": "delivered",
            "occurred_at": "2026-01-01T00:00:00Z",
        }));
    }
    let answer = receipts::post(&app.client, &posted.into()).await;
    assert_eq!(
        (answer.status, &answer.body["accepted"]),
        (202, &json!(4)),
        "{answer:?}"
    );
    app.client.wait_until_caught_up().await;
    for (_, customer) in ids() {
        let head = driver.head(&customer).await;
        assert_eq!(head.status(), Some(MessageStatus::Delivered));
        let path = format!("/api/campaigns/{id}/recipients/{}", key_part(&customer));
        let story = app.client.read(&path).await;
        assert_eq!(story["customer_id"], customer);
        assert_eq!(story["matched"], true);
        let key = format!("message/{}/{id}", key_part(&customer));
        let path = format!("/api/audit?aggregate={}", key_part(&key));
        assert_eq!(app.client.list(&path, 1).await.len(), 5, "{key}");
    }
    let reconciled = app
        .client
        .read(&format!("/api/campaigns/{id}/reconcile"))
        .await;
    assert_eq!(reconciled["discrepancies"], json!([]));
    let request = app
        .client
        .request(Method::GET, &format!("/api/campaigns/{id}/logs"));
    let table = send(request.header(header::ACCEPT, "text/csv")).await;
    for customer in all {
        assert!(
            table.text.contains(&format!("\n{customer},")),
            "{}",
            table.text
        );
    }
}
