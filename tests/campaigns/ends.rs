//! Campaigns that rest, go on, and are cancelled.

use commands::Context;
use domain::{CampaignCommand, CampaignStatus, MessageCommand, MessageId, MessageStatus};
use serde_json::json;

use super::{Shop, context, in_millis, noticed};
use crate::support::shop::mail;
use crate::support::wait::until;

#[tokio::test]
async fn a_paused_campaign_sends_nothing_until_it_goes_on() {
    let mut shop = Shop::with(100).await;
    shop.work([]);
    let id = shop.launched(Some(20)).await;
    until("some are sent", async || shop.vendor.requests().await > 0).await;
    let context = context();
    let paused = shop
        .commands
        .execute_on_campaign(&context, id.clone(), CampaignCommand::Pause);
    paused.await.unwrap().unwrap();
    noticed().await;
    let sent = shop.vendor.sent().await.len();
    assert!(sent < 100, "all were sent");
    noticed().await;
    assert_eq!(shop.vendor.sent().await.len(), sent);
    let resumed = shop
        .commands
        .execute_on_campaign(&context, id.clone(), CampaignCommand::Resume);
    resumed.await.unwrap().unwrap();
    shop.until_all(&id, MessageStatus::Sent).await;
    shop.assert_everybody_has_one(&id).await;
}

/// Of the messages that were taken up, only those already in requests are sent.
#[tokio::test]
async fn a_pause_is_heard_while_a_slow_vendor_is_waited_for() {
    const REQUESTS: usize = 2;
    let mut shop = Shop::with(3_000).await;
    let slow = json!({"latency_ms": {"min": 500, "max": 500}});
    shop.vendor.set(slow).await;
    shop.work(["--delivery-concurrency", &REQUESTS.to_string()]);
    let id = shop.launched(None).await;
    until("some are sent", async || shop.vendor.requests().await > 0).await;
    let context = context();
    let paused = shop
        .commands
        .execute_on_campaign(&context, id.clone(), CampaignCommand::Pause);
    paused.await.unwrap().unwrap();
    let before = shop.vendor.sent().await.len();
    noticed().await;
    let sent = shop.vendor.sent().await.len();
    noticed().await;
    assert_eq!(shop.vendor.sent().await.len(), sent);
    // A request is written on heads that were read at most 200 ms before, and takes 500 ms from when
    // the vendor has its messages. So each slot can bring the vendor one more batch after the pause,
    // on heads from before it, but not a second one.
    assert!(sent <= before + REQUESTS * 100, "{before}, then {sent}");
    assert!(sent < 3_000, "all were sent");
}

#[tokio::test]
async fn of_a_cancelled_campaign_nothing_more_is_sent() {
    let mut shop = Shop::with(100).await;
    shop.work([]);
    let id = shop.launched(Some(20)).await;
    until("some are sent", async || shop.vendor.requests().await > 0).await;
    cancel(&shop, &id).await;
    let ended = async || {
        let counts = shop.counts(&id).await;
        !counts.contains_key(&MessageStatus::Queued)
    };
    until("nothing waits", ended).await;
    noticed().await;
    let sent = shop.vendor.sent().await.len();
    assert!(sent < 100, "all were sent");
    let expected = [
        (MessageStatus::Suppressed, 100 - sent),
        (MessageStatus::Sent, sent),
    ];
    let known = async || shop.counts(&id).await == expected.into();
    until("what was on its way is known to be sent", known).await;
    noticed().await;
    assert_eq!(shop.vendor.sent().await.len(), sent);
    let known = async || {
        let figures = shop.store.campaign_stats(&[&id]).await.unwrap();
        figures[&id].suppressed_for.get("cancelled") == Some(&(100 - sent as i64))
    };
    until("the reason is told", known).await;
}

/// Before any worker sees it being sent.
#[tokio::test]
async fn a_campaign_cancelled_at_once_has_nothing_left_to_send() {
    let mut shop = Shop::with(20).await;
    shop.work([]);
    let id = shop.launched(Some(1)).await;
    let queue = |id: MessageId| (id, MessageCommand::Queue(mail("ada@example.com")));
    let queued = shop.message_ids(&id).into_iter().map(queue).collect();
    let queued = shop.commands.execute_on_messages(&context(), queued).await;
    assert!(queued.unwrap().iter().all(Result::is_ok));
    cancel(&shop, &id).await;
    until("nothing waits", async || {
        let counts = shop.counts(&id).await;
        !counts.contains_key(&MessageStatus::Queued)
    })
    .await;
    let suppressed = shop.counts(&id).await[&MessageStatus::Suppressed];
    assert!(suppressed > 10, "{suppressed}");
}

/// As where the views were away when it was cancelled, or the clocks differ.
#[tokio::test]
async fn a_campaign_found_cancelled_long_after_has_nothing_left_to_send() {
    let mut shop = Shop::with(20).await;
    shop.work([]);
    // Once this has ended, the worker has looked for cancelled campaigns.
    let earlier = shop.launched(None).await;
    shop.until_all(&earlier, MessageStatus::Sent).await;
    shop.receipts(&earlier).await;
    shop.until_campaign(&earlier, CampaignStatus::Completed)
        .await;

    let id = shop.launched(Some(1)).await;
    until("all are queued", async || {
        shop.head(&id).await.size().is_some()
    })
    .await;
    let long_ago = Context {
        now: in_millis(-60 * 60 * 1_000),
        ..context()
    };
    let cancelled =
        shop.commands
            .execute_on_campaign(&long_ago, id.clone(), CampaignCommand::Cancel);
    cancelled.await.unwrap().unwrap();
    until("nothing waits", async || {
        let counts = shop.counts(&id).await;
        !counts.contains_key(&MessageStatus::Queued)
    })
    .await;
    assert!(shop.counts(&id).await[&MessageStatus::Suppressed] > 10);
}

#[tokio::test]
async fn a_cancelled_campaign_gives_up_what_could_not_be_delivered() {
    let mut shop = Shop::with(10).await;
    shop.vendor.set(json!({"error_rate": 1.0})).await;
    shop.work(["--delivery-attempts", "1"]);
    let id = shop.launched(None).await;
    shop.until_all(&id, MessageStatus::Undeliverable).await;
    cancel(&shop, &id).await;
    shop.until_all(&id, MessageStatus::Suppressed).await;
    shop.until_campaign(&id, CampaignStatus::Cancelled).await;
}

async fn cancel(shop: &Shop, id: &domain::CampaignId) {
    let context = context();
    let cancelled =
        shop.commands
            .execute_on_campaign(&context, id.clone(), CampaignCommand::Cancel);
    cancelled.await.unwrap().unwrap();
}
