//! Undetermined customers: one of their events cannot be folded, so a campaign's rules cannot be
//! evaluated for them.

use std::collections::BTreeMap;

use eventlog::Position;
use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::campaign::{assert_accounted, launch, wait_for_completion};
use crate::support::raw_events::append_raw_event;
use crate::support::vendor::{SentMessage, Vendor};
use crate::support::wait::{eventually, until};

const CUSTOMERS: usize = 10;
const EVERYBODY: &str = "order_count = 0";

/// Deployment with a vendor and reachable customers. One customer has an event that cannot be
/// folded.
struct ShopWithBrokenEvent {
    app: App,
    vendor: Vendor,
    /// Position of the event that cannot be folded.
    broken: Position,
}

impl ShopWithBrokenEvent {
    async fn start() -> Self {
        let vendor = Vendor::start().await;
        vendor.configure(json!({"lost_rate": 0.0})).await;
        let mut app = App::without_workers().await;
        app.vendor = Some(vendor.url.clone());
        let customer = |n: usize| {
            let email = format!("c-{n}@example.com");
            json!({"customer_id": format!("c-{n}"), "name": "Ada", "email": email})
        };
        let customers: Value = (0..CUSTOMERS).map(customer).collect();
        app.client
            .post_accepted("/api/data/customers", customers)
            .await;
        let log = app.settings().commands().await.log().clone();
        let broken = append_raw_event(&log, "order/c-3/o-1", "order_placed.1", "{}").await;
        Self {
            app,
            vendor,
            broken,
        }
    }

    async fn campaign(&self, id: &str) -> Value {
        self.app.client.read(&format!("/api/campaigns/{id}")).await
    }

    async fn reconcile(&self, id: &str) -> Value {
        let path = format!("/api/campaigns/{id}/reconcile");
        self.app.client.read(&path).await
    }

    /// Waits until the broken event is in quarantine, and skips it.
    async fn skip_broken(&self) {
        let path = format!("/api/admin/quarantine/{}/skip", self.broken);
        let decided = eventually("the broken event is in quarantine", async || {
            let reason = json!({"reason": "a broken export"});
            let answer = self.app.client.post(&path, reason).await;
            (answer.status != 404).then_some(answer)
        })
        .await;
        assert_eq!(decided.status, 202, "{}", decided.body);
    }

    async fn sent(&self) -> BTreeMap<String, SentMessage> {
        self.vendor.sent().await
    }
}

#[tokio::test]
async fn an_undetermined_customer_is_counted_not_messaged_and_not_waited_for() {
    let mut shop = ShopWithBrokenEvent::start().await;
    shop.app.add_worker();
    let id = launch(&shop.app.client, "without", EVERYBODY, None).await;
    wait_for_completion(&shop.app.client, &id).await;
    let campaign = shop.campaign(&id).await;
    let size = json!({"planned": 9, "queued": 9, "suppressed": 0, "undetermined": 1});
    assert_eq!(campaign["size"], size);
    assert_eq!(shop.sent().await.len(), 9);
    let accounts = assert_accounted(&shop.app.client, &id, &shop.sent().await).await;
    assert_eq!(
        (&accounts["planned"], &accounts["undetermined"]),
        (&json!(9), &json!(1))
    );
    let recipient = format!("/api/campaigns/{id}/recipients/c-3");
    let recipient = shop.app.client.read(&recipient).await;
    assert_eq!(recipient["undetermined"], true, "{recipient}");
    assert_eq!(
        (&recipient["matched"], &recipient["message"]),
        (&json!(false), &json!(null))
    );

    // The campaign has completed, so the decision no longer adds a recipient.
    shop.skip_broken().await;
    until("nothing is in quarantine", async || {
        let quarantine = shop.app.client.read("/api/admin/quarantine").await;
        quarantine["total"] == 0
    })
    .await;
    let second = launch(&shop.app.client, "with", EVERYBODY, None).await;
    wait_for_completion(&shop.app.client, &second).await;
    assert_eq!(shop.campaign(&second).await["size"]["planned"], 10);
    assert_eq!(shop.campaign(&id).await["size"], size);
    let sent = shop.sent().await;
    assert_eq!(
        sent.values()
            .filter(|sent| sent.to == "c-3@example.com")
            .count(),
        1
    );
    assert_eq!(shop.reconcile(&id).await["undetermined"], 1);
}

#[tokio::test]
async fn a_customer_determined_while_the_campaign_is_open_gets_a_message() {
    let mut shop = ShopWithBrokenEvent::start().await;
    shop.app.add_worker();
    let id = launch(&shop.app.client, "late", EVERYBODY, Some(1)).await;
    until("the audience is resolved", async || {
        shop.campaign(&id).await["size"]["undetermined"] == 1
    })
    .await;
    let paused = shop
        .app
        .client
        .post(&format!("/api/campaigns/{id}/pause"), json!({}))
        .await;
    assert_eq!(paused.status, 202, "{}", paused.body);
    shop.skip_broken().await;
    until("the customer is determined", async || {
        let size = shop.campaign(&id).await["size"].clone();
        size == json!({"planned": 10, "queued": 10, "suppressed": 0, "undetermined": 0})
    })
    .await;
    let resumed = shop
        .app
        .client
        .post(&format!("/api/campaigns/{id}/resume"), json!({}))
        .await;
    assert_eq!(resumed.status, 202, "{}", resumed.body);
    wait_for_completion(&shop.app.client, &id).await;
    let sent = shop.sent().await;
    assert_eq!(sent.len(), 10);
    let accounts = assert_accounted(&shop.app.client, &id, &sent).await;
    assert_eq!(
        (&accounts["planned"], &accounts["undetermined"]),
        (&json!(10), &json!(0))
    );
}

/// `campaign_stats` leaves out the broken event of a message that has ended. The incomplete figures
/// must not hide a message that is still to be sent.
#[tokio::test]
async fn a_campaign_with_a_quarantined_event_waits_for_all_other_messages() {
    let mut shop = ShopWithBrokenEvent::start().await;
    shop.app.add_worker();
    let id = launch(&shop.app.client, "all", EVERYBODY, Some(2)).await;
    let first = eventually("one is delivered", async || {
        let path = format!("/api/campaigns/{id}/logs?status=delivered");
        let rows = shop.app.client.list(&path, 500).await;
        Some(rows.first()?["customer_id"].as_str()?.to_owned())
    })
    .await;
    let log = shop.app.settings().commands().await.log().clone();
    let key = format!("message/{first}/{id}");
    append_raw_event(&log, &key, "message_attempted.1", "{}").await;
    wait_for_completion(&shop.app.client, &id).await;
    let sent = shop.sent().await;
    assert_eq!(sent.len(), 9);
    let accounts = shop.reconcile(&id).await;
    assert_eq!(accounts["discrepancies"], json!([]), "{accounts}");
}

/// The decision comes after the launch, so it is beyond the launch's positions, but before the
/// audience is resolved. The customer is determined all the same.
#[tokio::test]
async fn a_skip_between_launch_and_resolution_determines_the_customer() {
    let mut shop = ShopWithBrokenEvent::start().await;
    shop.app.add_worker();
    eventually("the broken event is in quarantine", async || {
        let quarantine = shop.app.client.read("/api/admin/quarantine").await;
        (quarantine["total"] == 3).then_some(())
    })
    .await;
    for worker in shop.app.workers.drain(..) {
        drop(worker);
    }
    let id = launch(&shop.app.client, "between", EVERYBODY, None).await;
    shop.skip_broken().await;
    shop.app.add_worker();
    until("every message is sent", async || {
        shop.sent().await.len() == 10
    })
    .await;
    wait_for_completion(&shop.app.client, &id).await;
    let size = json!({"planned": 10, "queued": 10, "suppressed": 0, "undetermined": 0});
    assert_eq!(shop.campaign(&id).await["size"], size);
    assert_accounted(&shop.app.client, &id, &shop.sent().await).await;
}

/// The quarantined event belongs to one of the campaign's own messages.
#[tokio::test]
async fn a_message_with_a_quarantined_event_does_not_keep_the_campaign_open() {
    let mut shop = ShopWithBrokenEvent::start().await;
    shop.vendor
        .configure(json!({"receipt_delay_ms": {"min": 3000, "max": 3000}}))
        .await;
    shop.app.add_worker();
    let id = launch(&shop.app.client, "broken", EVERYBODY, None).await;
    until("every message is sent", async || {
        shop.sent().await.len() == 9
    })
    .await;
    shop.app.client.wait_until_caught_up().await;
    let log = shop.app.settings().commands().await.log().clone();
    let key = format!("message/c-5/{id}");
    append_raw_event(&log, &key, "message_delivered.1", "{}").await;
    wait_for_completion(&shop.app.client, &id).await;
    let accounts = shop.reconcile(&id).await;
    assert_eq!(accounts["discrepancies"], json!([]), "{accounts}");
    let quarantined = accounts["quarantined"].as_array().unwrap();
    let views: Vec<_> = quarantined
        .iter()
        .map(|one| one["view"].as_str().unwrap())
        .collect();
    assert!(
        views.contains(&"messages") && views.contains(&"campaign_stats"),
        "{accounts}"
    );
}
