//! A vendor that is unavailable, busy, or reached with a wrong URL or credential: messages wait,
//! and the campaign reports it.

use commands::Commands;
use domain::{CampaignId, CampaignStatus, CustomerId, Message, MessageId, MessageStatus};
use serde_json::{Value, json};

use super::Shop;
use crate::support::app::App;
use crate::support::campaign::launch;
use crate::support::vendor::Vendor;
use crate::support::wait::{eventually, until};

/// Recipients of each campaign: more than are in flight at once.
const CUSTOMERS: usize = 100;

const EVERYBODY: &str = "order_count = 0";

/// Returns the messages of a campaign to every customer, from their heads.
async fn messages(commands: &Commands, campaign: &str) -> Vec<Message> {
    let campaign = CampaignId::try_from(campaign).unwrap();
    let id = |n: usize| MessageId {
        campaign: campaign.clone(),
        customer: CustomerId::try_from(format!("c-{n:03}")).unwrap(),
    };
    let ids: Vec<MessageId> = (0..CUSTOMERS).map(id).collect();
    commands.messages(&ids).await.unwrap()
}

/// Returns the answer for a campaign, a problem if the view does not have it yet.
async fn read_campaign(app: &App, campaign: &str) -> Value {
    let path = format!("/api/campaigns/{campaign}");
    app.client.get(&path).await.body
}

/// Starts a deployment with customers, a vendor, and a worker that sends to it.
async fn start() -> (App, Vendor) {
    let vendor = Vendor::start().await;
    let mut app = App::without_workers().await;
    app.vendor = Some(vendor.url.clone());
    let customer = |n: usize| {
        let email = format!("c-{n}@example.com");
        json!({"customer_id": format!("c-{n:03}"), "name": "Ada", "email": email})
    };
    let customers: Value = (0..CUSTOMERS).map(customer).collect();
    app.client
        .post_accepted("/api/data/customers", customers)
        .await;
    app.add_worker();
    (app, vendor)
}

#[tokio::test]
async fn the_breaker_limits_attempts_during_an_outage_and_no_message_is_lost() {
    const REQUESTS: u32 = 8;
    let mut shop = Shop::with_customers(2_000).await;
    shop.vendor.stop().await;
    shop.add_worker(["--delivery-concurrency", &REQUESTS.to_string()]);
    let id = shop.launch_to_everybody(None).await;
    // The worker logs this when the breaker opens, and again after a failed probe, a second or more
    // later. A message waits at most half a second for its next attempt, so without a breaker there
    // would have been further attempts by then.
    until("a probe has failed", async || {
        let unavailable = "the vendor is unavailable: sending is paused";
        shop.worker_logs().matches(unavailable).count() > 1
    })
    .await;
    let ids = shop.message_ids(&id);
    let messages = shop.commands.messages(&ids).await.unwrap();
    let attempts: u32 = messages.iter().map(|message| message.attempts()).sum();
    // The tenth failed request opens the breaker at the latest. Requests that were in flight then
    // may fail too. After that only probes are sent, which cost no attempt. Each request has up to
    // a hundred messages, so a bound on requests bounds the attempts: less than one per message,
    // where there would be eight without a breaker.
    let bound = (10 + REQUESTS - 1) * 100;
    assert!(attempts > 0 && attempts <= bound, "{attempts} attempts");
    shop.vendor.restart().await;
    shop.until_all(&id, MessageStatus::Sent).await;
    assert!(shop.worker_logs().contains("the vendor is available again"));
    shop.assert_one_message_each(&[&id]).await;
}

#[tokio::test]
async fn sending_pauses_for_a_busy_vendor_without_using_attempts() {
    let mut shop = Shop::with_customers(30).await;
    shop.vendor.configure(json!({"outage": true})).await;
    shop.add_worker([]);
    let id = shop.launch_to_everybody(None).await;
    until("the worker logs it", async || {
        shop.worker_logs().contains("the vendor is busy")
    })
    .await;
    let ids = shop.message_ids(&id);
    let messages = shop.commands.messages(&ids).await.unwrap();
    assert!(messages.iter().all(|message| message.attempts() == 0));
    shop.vendor.configure(json!({"outage": false})).await;
    shop.until_all(&id, MessageStatus::Sent).await;
    shop.record_receipts(&id).await;
    shop.until_campaign(&id, CampaignStatus::Completed).await;
}

#[tokio::test]
async fn messages_wait_until_the_url_or_the_credential_is_corrected() {
    let (app, mut vendor) = start().await;
    let commands = app.settings().commands().await;
    for (status, detail) in [
        (401, "401 Unauthorized"),
        (403, "403 Forbidden"),
        (404, "404 Not Found"),
        (405, "405 Method Not Allowed"),
        (307, "307 Temporary Redirect"),
        (200, "200 OK with a body that is not JSON"),
    ] {
        vendor.respond_with_status(status).await;
        let key = format!("answered-{status}");
        let campaign = launch(&app.client, &key, EVERYBODY, None).await;
        let waiting = eventually("the campaign reports that it waits", async || {
            let waiting = read_campaign(&app, &campaign).await["waiting_for"].clone();
            waiting.is_object().then_some(waiting)
        })
        .await;
        assert_eq!(waiting["reason"], "breaker");
        assert_eq!(waiting["detail"], format!("the vendor answered {detail}"));
        let listed = app.client.read("/api/campaigns?limit=1").await;
        assert_eq!(listed["items"][0]["waiting_for"], waiting);
        for message in messages(&commands, &campaign).await {
            assert_eq!(message.status(), Some(MessageStatus::Queued), "{status}");
            assert_eq!(message.attempts(), 0, "{status}");
        }

        vendor.serve_again().await;
        until("every message is sent", async || {
            let messages = messages(&commands, &campaign).await;
            let is_sent = |message: &Message| message.status() == Some(MessageStatus::Sent);
            messages.iter().all(is_sent)
        })
        .await;
        until("the campaign no longer waits", async || {
            read_campaign(&app, &campaign).await["waiting_for"].is_null()
        })
        .await;
        let prefix = format!("msg_{}_", campaign.trim_start_matches("cmp_"));
        let sent = vendor.sent().await;
        let sent = sent.iter().filter(|(id, _)| id.starts_with(&prefix));
        let requested: Vec<u64> = sent.map(|(_, sent)| sent.requested).collect();
        assert_eq!(requested, [1; CUSTOMERS], "{status}");
    }
}

#[tokio::test]
async fn the_wait_reported_by_a_dead_worker_expires() {
    let (mut app, mut vendor) = start().await;
    vendor.respond_with_status(401).await;
    let campaign = launch(&app.client, "dies", EVERYBODY, None).await;
    until("the campaign reports that it waits", async || {
        read_campaign(&app, &campaign).await["waiting_for"].is_object()
    })
    .await;
    app.workers[0].kill();
    until("the report expires", async || {
        read_campaign(&app, &campaign).await["waiting_for"].is_null()
    })
    .await;
    assert_eq!(read_campaign(&app, &campaign).await["status"], "sending");
}
