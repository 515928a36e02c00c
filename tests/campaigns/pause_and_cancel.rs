//! Campaigns that are paused, resumed and cancelled.

use commands::Context;
use domain::{
    CampaignCommand, CampaignId, CampaignStatus, MessageCommand, MessageId, MessageStatus,
};
use serde_json::json;

use super::{Shop, context, millis_from_now};
use crate::support::shop::email_content;
use crate::support::wait::until;

#[tokio::test]
async fn a_paused_campaign_sends_nothing_until_it_is_resumed() {
    let mut shop = Shop::with_customers(100).await;
    shop.add_worker([]);
    let id = shop.launch_to_everybody(Some(20)).await;
    until("some messages are sent", async || {
        shop.vendor.request_count().await > 0
    })
    .await;
    execute(&shop, &id, CampaignCommand::Pause).await;
    // While the worker sends another campaign at the same rate, it would send as many messages of
    // the paused one.
    let other = shop.launch_to_everybody(Some(20)).await;
    shop.until_sent(&other, 10).await;
    let sent = shop.sent_count(&id).await;
    assert!(sent < 100, "every message was sent");
    shop.until_sent(&other, 30).await;
    assert_eq!(shop.sent_count(&id).await, sent);
    execute(&shop, &id, CampaignCommand::Resume).await;
    shop.until_all(&id, MessageStatus::Sent).await;
    shop.until_all(&other, MessageStatus::Sent).await;
    shop.assert_one_message_each(&[&id, &other]).await;
}

/// After a pause, only messages that are already in a request are sent.
#[tokio::test]
async fn a_pause_takes_effect_while_requests_to_a_slow_vendor_are_in_flight() {
    const REQUESTS: usize = 2;
    let mut shop = Shop::with_customers(3_000).await;
    let slow = json!({"latency_ms": {"min": 500, "max": 500}});
    shop.vendor.configure(slow).await;
    shop.add_worker(["--delivery-concurrency", &REQUESTS.to_string()]);
    let id = shop.launch_to_everybody(None).await;
    until("some messages are sent", async || {
        shop.vendor.request_count().await > 0
    })
    .await;
    execute(&shop, &id, CampaignCommand::Pause).await;
    let before = shop.vendor.sent().await.len();
    // Another campaign takes the slots as soon as they are free. Once it has used each of them
    // several times, the requests of the paused one have ended.
    let other = shop.launch_to_everybody(None).await;
    shop.until_sent(&other, 400).await;
    let sent = shop.sent_count(&id).await;
    shop.until_sent(&other, 800).await;
    assert_eq!(shop.sent_count(&id).await, sent);
    // A request relies on heads that were read at most 200 ms before, and takes 500 ms once the
    // vendor has its messages. So each slot can deliver one more batch after the pause, based on
    // heads from before it, but not a second one.
    assert!(sent <= before + REQUESTS * 100, "{before}, then {sent}");
    assert!(sent < 3_000, "every message was sent");
}

#[tokio::test]
async fn a_cancelled_campaign_sends_nothing_more() {
    let mut shop = Shop::with_customers(100).await;
    shop.add_worker([]);
    let id = shop.launch_to_everybody(Some(20)).await;
    until("some messages are sent", async || {
        shop.vendor.request_count().await > 0
    })
    .await;
    execute(&shop, &id, CampaignCommand::Cancel).await;
    let none_queued = async || {
        let counts = shop.status_counts(&id).await;
        !counts.contains_key(&MessageStatus::Queued)
    };
    until("no message is queued", none_queued).await;
    // While the worker sends another campaign at the same rate, it would send as many messages of
    // the cancelled one.
    let other = shop.launch_to_everybody(Some(20)).await;
    shop.until_sent(&other, 10).await;
    let sent = shop.sent_count(&id).await;
    assert!(sent < 100, "every message was sent");
    let expected = [
        (MessageStatus::Suppressed, 100 - sent),
        (MessageStatus::Sent, sent),
    ];
    let recorded = async || shop.status_counts(&id).await == expected.into();
    until(
        "requests that were in flight are recorded as sent",
        recorded,
    )
    .await;
    shop.until_sent(&other, 30).await;
    assert_eq!(shop.sent_count(&id).await, sent);
    let shown = async || {
        let figures = shop.store.campaign_stats(&[&id]).await.unwrap();
        figures[&id].suppressed_for.get("cancelled") == Some(&(100 - sent as i64))
    };
    until("the view shows the reason", shown).await;
}

/// The campaign is cancelled before any worker sees that it is being sent.
#[tokio::test]
async fn a_campaign_cancelled_right_after_its_launch_leaves_nothing_queued() {
    let mut shop = Shop::with_customers(20).await;
    shop.add_worker([]);
    let id = shop.launch_to_everybody(Some(1)).await;
    let queue = |id: MessageId| (id, MessageCommand::Queue(email_content("ada@example.com")));
    let queued = shop.message_ids(&id).into_iter().map(queue).collect();
    let queued = shop.commands.execute_on_messages(&context(), queued).await;
    assert!(queued.unwrap().iter().all(Result::is_ok));
    execute(&shop, &id, CampaignCommand::Cancel).await;
    until("no message is queued", async || {
        let counts = shop.status_counts(&id).await;
        !counts.contains_key(&MessageStatus::Queued)
    })
    .await;
    let suppressed = shop.status_counts(&id).await[&MessageStatus::Suppressed];
    assert!(suppressed > 10, "{suppressed}");
}

/// A worker can find a cancellation late if the views were unavailable or clocks differ.
#[tokio::test]
async fn a_cancellation_that_is_found_late_leaves_nothing_queued() {
    let mut shop = Shop::with_customers(20).await;
    shop.add_worker([]);
    // Once this campaign has completed, the worker has looked for cancelled campaigns.
    let earlier = shop.launch_to_everybody(None).await;
    shop.until_all(&earlier, MessageStatus::Sent).await;
    shop.record_receipts(&earlier).await;
    shop.until_campaign(&earlier, CampaignStatus::Completed)
        .await;

    let id = shop.launch_to_everybody(Some(1)).await;
    until("the audience is resolved", async || {
        shop.head(&id).await.size().is_some()
    })
    .await;
    let long_ago = Context {
        now: millis_from_now(-60 * 60 * 1_000),
        ..context()
    };
    let cancelled =
        shop.commands
            .execute_on_campaign(&long_ago, id.clone(), CampaignCommand::Cancel);
    cancelled.await.unwrap().unwrap();
    until("no message is queued", async || {
        let counts = shop.status_counts(&id).await;
        !counts.contains_key(&MessageStatus::Queued)
    })
    .await;
    assert!(shop.status_counts(&id).await[&MessageStatus::Suppressed] > 10);
}

#[tokio::test]
async fn cancelling_a_campaign_suppresses_undeliverable_messages() {
    let mut shop = Shop::with_customers(10).await;
    shop.vendor.configure(json!({"error_rate": 1.0})).await;
    shop.add_worker(["--delivery-attempts", "1"]);
    let id = shop.launch_to_everybody(None).await;
    shop.until_all(&id, MessageStatus::Undeliverable).await;
    execute(&shop, &id, CampaignCommand::Cancel).await;
    shop.until_all(&id, MessageStatus::Suppressed).await;
    shop.until_campaign(&id, CampaignStatus::Cancelled).await;
}

async fn execute(shop: &Shop, id: &CampaignId, command: CampaignCommand) {
    let context = context();
    let executed = shop
        .commands
        .execute_on_campaign(&context, id.clone(), command);
    executed.await.unwrap().unwrap();
}
