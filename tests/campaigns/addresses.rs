//! Customers who share an address: one gets the message, and nobody if one of them unsubscribed.

use std::collections::{BTreeMap, BTreeSet};

use commands::{AddressClaim, ReturnedMessage};
use domain::{AddressCommand, BounceKind, CampaignId, Change, Channel, MessageStatus};
use serde_json::{Value, json};

use super::unsubscribed::unsubscription;
use super::{Shop, context, now, reachable_customer};
use crate::support::app::{App, soon};
use crate::support::campaign::{launch, wait_for_completion};
use crate::support::receipts;
use crate::support::shop::{address_key, receipt};
use crate::support::vendor::Vendor;
use crate::support::wait::until;

const DATA: &str = "/api/data/customers";
const EVERYBODY: &str = "order_count = 0";

/// Starts the API of a British shop, a worker and a vendor that loses no receipts.
async fn start() -> (App, Vendor) {
    let vendor = Vendor::start().await;
    vendor.configure(json!({"lost_rate": 0.0})).await;
    let country = ("PATRON_COUNTRY", "GB".to_owned());
    let mut app = App::with_environment(vec![country]).await;
    app.vendor = Some(vendor.url.clone());
    app.add_worker();
    (app, vendor)
}

/// Launches a campaign to everybody and waits for its end; returns the reason and its detail for
/// each customer who got no message.
async fn suppressed(app: &App, name: &str) -> BTreeMap<String, (String, Value)> {
    let id = launch(&app.client, name, EVERYBODY, None).await;
    wait_for_completion(&app.client, &id).await;
    app.client.wait_until_caught_up().await;
    let path = format!("/api/campaigns/{id}");
    let accounts = app.client.read(&format!("{path}/reconcile")).await;
    assert_eq!(accounts["discrepancies"], json!([]), "{accounts}");
    let rows = app
        .client
        .list(&format!("{path}/logs?status=suppressed"), 500)
        .await;
    let rows = rows.into_iter().map(|row| {
        let customer = row["customer_id"].as_str().unwrap().to_owned();
        let why = &row["suppression"];
        let reason = why["reason"].as_str().unwrap().to_owned();
        (customer, (reason, why["detail"].clone()))
    });
    rows.collect()
}

async fn addresses(vendor: &Vendor) -> Vec<String> {
    let sent = vendor.sent().await;
    let mut addresses: Vec<String> = sent.values().map(|sent| sent.to.clone()).collect();
    addresses.sort();
    addresses
}

#[tokio::test]
async fn one_mailbox_and_one_number_get_one_message() {
    let (app, vendor) = start().await;
    let customers = json!([
        {"customer_id": "m-6", "name": "Ada", "email": "Ada@Example.COM"},
        {"customer_id": "m-7", "name": "Ada", "email": "ada@example.com"},
        {"customer_id": "m-8", "name": "Bob", "email": "bob@example.com"},
        {"customer_id": "p-1", "name": "Una", "phone": "+44 20 7946 0958"},
        {"customer_id": "p-2", "name": "Una", "phone": "020 7946 0958"},
        {"customer_id": "p-3", "name": "Una", "phone": "0044 (0)20 7946 0958"},
    ]);
    app.client.post_accepted(DATA, customers).await;
    let suppressed = suppressed(&app, "shared").await;
    assert_eq!(suppressed.len(), 3, "{suppressed:?}");
    for (customer, (reason, detail)) in &suppressed {
        assert_eq!(reason, "duplicate_address", "{customer}");
        let detail = detail.as_str().unwrap();
        assert!(detail.ends_with("has the same address"), "{detail}");
        assert!(!detail.contains(customer.as_str()), "{detail}");
    }
    let sent = addresses(&vendor).await;
    assert_eq!(sent.len(), 3, "{sent:?}");
    assert_eq!(sent[0], "+442079460958");
    assert!(sent.contains(&"bob@example.com".to_owned()));
}

#[tokio::test]
async fn an_address_is_unsubscribed_while_any_customer_with_it_is() {
    let (app, vendor) = start().await;
    let post = async |customer: Value| app.client.post_accepted(DATA, customer).await;
    post(
        json!({"customer_id": "tw-1", "name": "T", "email": "tw@example.com",
                "unsubscribed": true}),
    )
    .await;
    post(json!({"customer_id": "tw-2", "name": "T", "email": "TW@example.com"})).await;
    let both = suppressed(&app, "first").await;
    let unsubscribed = ("unsubscribed".to_owned(), Value::Null);
    assert_eq!(both["tw-1"], unsubscribed);
    assert_eq!(both["tw-2"], unsubscribed);
    assert!(addresses(&vendor).await.is_empty());

    post(json!({"customer_id": "tw-2", "unsubscribed": true})).await;
    let consent_at = soon();
    post(json!({"customer_id": "tw-1", "unsubscribed": false, "consent_at": consent_at})).await;
    let both = suppressed(&app, "second").await;
    assert_eq!(both["tw-1"], unsubscribed, "tw-2 is still on the list");

    post(json!({"customer_id": "tw-2", "unsubscribed": null, "consent_at": consent_at})).await;
    let one = suppressed(&app, "third").await;
    assert_eq!(one.len(), 1, "{one:?}");
    assert_eq!(one.values().next().unwrap().0, "duplicate_address");
    assert_eq!(addresses(&vendor).await.len(), 1);
}

#[tokio::test]
async fn a_new_address_of_an_unsubscribed_customer_is_unsubscribed() {
    let (app, vendor) = start().await;
    let post = async |customer: Value| app.client.post_accepted(DATA, customer).await;
    post(json!({"customer_id": "a", "name": "A", "unsubscribed": true})).await;
    post(json!({"customer_id": "a", "email": "old@example.com"})).await;
    post(json!({"customer_id": "a", "email": "new@example.com"})).await;
    post(json!({"customer_id": "b", "name": "B", "email": "NEW@example.com"})).await;
    let suppressed = suppressed(&app, "moved").await;
    assert_eq!(suppressed["b"].0, "unsubscribed");
    assert!(addresses(&vendor).await.is_empty());
}

#[tokio::test]
async fn unsubscribing_with_one_customer_stops_messages_to_the_other() {
    let mut shop = Shop::with_customers(60).await;
    shop.add_worker([]);
    let campaign = shop.launch_to_everybody(Some(20)).await;
    until("some messages are sent", async || {
        shop.vendor.sent().await.len() > 5
    })
    .await;
    // Each of these has the address of a recipient, is no recipient, and unsubscribes.
    let others = (0..60).map(|n| {
        let mut other = reachable_customer(n);
        other.customer = format!("other-{n:04}").try_into().unwrap();
        other.changes.unsubscribed = Change::Set(true);
        other
    });
    let recorded = shop
        .commands
        .record_customers(&context(), others.collect())
        .await;
    assert!(recorded.unwrap().iter().all(Result::is_ok));
    until("no message is queued", async || {
        let counts = shop.status_counts(&campaign).await;
        !counts.contains_key(&MessageStatus::Queued)
    })
    .await;
    let counts = shop.status_counts(&campaign).await;
    assert!(counts[&MessageStatus::Suppressed] > 20, "{counts:?}");
    assert_eq!(shop.reconcile(&campaign).await.discrepancies, []);
}

#[tokio::test]
async fn an_address_that_returned_a_message_gets_no_other() {
    let mut shop = Shop::with_customers(1).await;
    shop.add_worker([]);
    let first = shop.launch_to_everybody(None).await;
    shop.until_all(&first, MessageStatus::Sent).await;
    let returned = |campaign: &CampaignId, bounce| ReturnedMessage {
        message: shop.message_ids(campaign).remove(0),
        bounce,
        receipt: receipt("v-1", None, now()),
    };
    let record = async |returned| {
        let recorded = shop
            .commands
            .record_returned(&context(), vec![returned], 2)
            .await;
        recorded.unwrap();
    };
    record(returned(&first, Some(BounceKind::Soft))).await;
    let second = shop.launch_to_everybody(None).await;
    shop.until_all(&second, MessageStatus::Sent).await;
    record(returned(&second, Some(BounceKind::Hard))).await;
    let third = shop.launch_to_everybody(None).await;
    shop.until_all(&third, MessageStatus::Suppressed).await;
    until("the reason is shown", async || {
        let figures = shop.store.campaign_stats(&[&third]).await.unwrap();
        let reasons = figures.get(&third).map(|figures| &figures.suppressed_for);
        reasons == Some(&BTreeMap::from([("suppression_list".to_owned(), 1)]))
    })
    .await;
    assert_eq!(shop.reconcile(&third).await.discrepancies, []);

    let address = address_key().recipient(Channel::Email, "c0@example.com");
    let lifted = shop
        .commands
        .execute(&context(), address, AddressCommand::Unsuppress)
        .await;
    lifted.unwrap().unwrap();
    record(returned(&second, Some(BounceKind::Hard))).await;
    let fourth = shop.launch_to_everybody(None).await;
    shop.until_all(&fourth, MessageStatus::Sent).await;
}

#[tokio::test]
async fn a_claim_without_its_message_is_continued_by_the_same_customer() {
    let mut shop = Shop::with_customers(0).await;
    let twins = [3, 1, 2].map(|n| {
        let mut twin = reachable_customer(7);
        twin.customer = format!("twin-{n}").try_into().unwrap();
        twin
    });
    shop.record(twins.to_vec()).await;
    let id = shop.launch_to_everybody(None).await;
    // As if a worker had died after the claim.
    let Change::Set(email) = &twins[0].changes.profile.email else {
        panic!("a reachable customer has an email address");
    };
    let claim = AddressClaim {
        address: address_key().email(email),
        campaign: id.clone(),
        customer: twins[2].customer.clone(),
    };
    let claimed = shop.commands.claim_addresses(&context(), vec![claim]).await;
    assert!(claimed.unwrap()[0].is_ok());
    shop.add_worker([]);
    shop.until_sent(&id, 1).await;
    let sent = shop.vendor.sent().await;
    let message = sent.keys().next().unwrap();
    assert!(message.ends_with("twin-2"), "{message}");
    let expected = BTreeMap::from([(MessageStatus::Sent, 1), (MessageStatus::Suppressed, 2)]);
    until("the others are suppressed", async || {
        shop.status_counts(&id).await == expected
    })
    .await;
    assert_eq!(shop.reconcile(&id).await.discrepancies, []);
}

#[tokio::test]
async fn a_customer_who_unsubscribes_before_sending_frees_no_address() {
    let mut shop = Shop::with_customers(0).await;
    let twins = [1, 2].map(|n| {
        let mut twin = reachable_customer(7);
        twin.customer = format!("twin-{n}").try_into().unwrap();
        twin
    });
    shop.record(twins.to_vec()).await;
    shop.record(vec![unsubscription(&twins[0].customer)]).await;
    let id = shop.launch_to_everybody(None).await;
    shop.add_worker([]);
    shop.until_all(&id, MessageStatus::Suppressed).await;
    assert!(shop.vendor.sent().await.is_empty());
}

#[tokio::test]
async fn receipts_of_bounces_and_complaints_put_addresses_on_the_suppression_list() {
    let (app, _vendor) = start().await;
    let customer = |id: &str| {
        let email = format!("{id}@example.com");
        json!({"customer_id": id, "name": id, "email": email})
    };
    let customers = ["gone", "annoyed", "full", "fine"].map(customer);
    app.client
        .post_accepted(DATA, json!(customers.as_slice()))
        .await;
    assert_eq!(suppressed(&app, "first").await, BTreeMap::new());

    let campaigns = app.client.list("/api/campaigns", 10).await;
    let logs = format!(
        "/api/campaigns/{}/logs",
        campaigns[0]["campaign_id"].as_str().unwrap()
    );
    let rows = app.client.list(&logs, 10).await;
    let receipt = |customer: &str, status: Value| {
        let row = rows.iter().find(|row| row["customer_id"] == customer);
        let row = row.unwrap();
        let mut receipt = json!({
            "message_id": row["message_id"],
            "vendor_message_id": row["vendor_message_id"],
            "occurred_at": chrono::Utc::now().to_rfc3339(),
        });
        let members = status.as_object().unwrap().clone();
        receipt.as_object_mut().unwrap().extend(members);
        receipt
    };
    let receipts = json!([
        receipt(
            "gone",
            json!({"status": "bounced", "bounce": "hard", "reason": "550 5.1.1 user unknown"})
        ),
        receipt("annoyed", json!({"status": "complained"})),
        receipt(
            "full",
            json!({"status": "bounced", "reason": "mailbox full"})
        ),
    ]);
    let taken = receipts::post(&app.client, &receipts).await;
    assert_eq!(taken.status, 202, "{taken:?}");
    assert_eq!(taken.body["rejected"], 0, "{taken:?}");

    let listed = |detail: &str| ("suppression_list".to_owned(), json!(detail));
    let expected = BTreeMap::from([
        ("gone".to_owned(), listed("hard_bounce")),
        ("annoyed".to_owned(), listed("complaint")),
    ]);
    assert_eq!(suppressed(&app, "second").await, expected);
    let suppressions = app.client.list("/api/suppressions", 10).await;
    let on_it = suppressions.iter().map(|one| one["address"].as_str());
    let on_it: BTreeSet<_> = on_it.flatten().collect();
    assert_eq!(
        on_it,
        BTreeSet::from(["annoyed@example.com", "gone@example.com"])
    );
    // Taken off by a person.
    let lifted = app
        .client
        .delete("/api/suppressions/gone@example.com")
        .await;
    assert_eq!(lifted.status, 204, "{lifted:?}");
    let left = suppressed(&app, "third").await;
    assert_eq!(left.keys().collect::<Vec<_>>(), ["annoyed"]);
}
