//! Campaigns while Redis is short or out of memory.

use std::time::Duration;

use domain::{CampaignId, CampaignStatus, MessageStatus};
use serde_json::json;

use super::{Shop, reachable_customer};
use crate::support::redis_server::{DURABLE, RedisServer};
use crate::support::wait::{eventually, until};

/// Bytes that Redis holds from the start, so that connection buffers are negligible.
const BALLAST: u64 = 32 << 20;
/// Time without a new message after which no request is in flight. Longer than the vendor's
/// latency.
const QUIET: Duration = Duration::from_millis(300);

/// Starts a Redis that already uses [`BALLAST`] bytes.
async fn redis(name: &str) -> RedisServer {
    let server = RedisServer::start(name, DURABLE).await;
    let mut fill = redis::cmd("SETRANGE");
    fill.arg("ballast").arg(BALLAST - 1).arg("x");
    fill.exec_async(&mut server.connect().await).await.unwrap();
    server
}

/// Sets `maxmemory` so that the memory in use is this share of it, from 0 to 1.
async fn fill_to(shop: &Shop, redis: &RedisServer, share: f64) {
    let used = shop.commands.log().memory().await.unwrap().used;
    redis
        .set_config("maxmemory", (used as f64 / share) as u64)
        .await;
}

async fn until_waiting_for_memory(shop: &Shop, id: &CampaignId) {
    until("the campaign is reported to wait for memory", async || {
        let waiting = shop.store.waiting(&[id]).await.unwrap();
        waiting.get(id).is_some_and(|w| w.reason.name() == "memory")
    })
    .await;
}

/// Waits until the vendor gets no more messages, and returns the number of those that it accepted.
async fn sent_once_quiet(shop: &Shop) -> usize {
    eventually("sending has stopped", async || {
        let before = shop.vendor.sent().await.len();
        tokio::time::sleep(QUIET).await;
        (shop.vendor.sent().await.len() == before).then_some(before)
    })
    .await
}

#[tokio::test]
async fn queueing_reserves_memory_for_receipts_and_resumes_by_itself() {
    const RECEIPTS: usize = 500;
    let server = redis("memory-queueing").await;
    let mut shop = Shop::on_redis(&server.url(), RECEIPTS).await;
    shop.add_worker([]);
    let first = shop.launch_to_everybody(None).await;
    shop.until_all(&first, MessageStatus::Sent).await;
    let unconfirmed = shop.message_ids(&first);
    shop.record((RECEIPTS..12_000).map(reachable_customer).collect())
        .await;

    // Queueing may use another two percent, which is not enough for the second campaign.
    fill_to(&shop, &server, 0.93).await;
    let second = shop.launch_to_everybody(None).await;
    until_waiting_for_memory(&shop, &second).await;
    let queued = shop.status_counts(&second).await.values().sum::<usize>();
    assert!(queued < 12_000, "every message was queued");
    shop.record_receipts_for(unconfirmed).await;

    server.set_config("maxmemory", 0).await;
    shop.until_all(&second, MessageStatus::Sent).await;
    shop.record_receipts(&second).await;
    shop.until_campaign(&second, CampaignStatus::Completed)
        .await;
    until("the campaign is no longer reported to wait", async || {
        shop.store.waiting(&[&second]).await.unwrap().is_empty()
    })
    .await;
}

#[tokio::test]
async fn no_message_is_sent_while_its_result_cannot_be_recorded() {
    let server = redis("memory-sending").await;
    let mut shop = Shop::on_redis(&server.url(), 6_000).await;
    let slow = json!({"latency_ms": {"min": 100, "max": 200}});
    shop.vendor.configure(slow).await;
    shop.add_worker([]);
    let id = shop.launch_to_everybody(Some(1_000)).await;
    until("the audience is resolved", async || {
        shop.head(&id).await.size().is_some()
    })
    .await;
    fill_to(&shop, &server, 0.92).await;
    let before = shop.vendor.sent().await.len();
    until("sending continues", async || {
        shop.vendor.sent().await.len() > before + 300
    })
    .await;

    server.set_config("maxmemory", 1).await;
    until_waiting_for_memory(&shop, &id).await;
    let sent = sent_once_quiet(&shop).await;
    let recorded = shop.status_counts(&id).await[&MessageStatus::Sent];
    assert!(sent < 6_000, "every message was sent");
    assert!(sent <= recorded + 100, "{sent} sent, {recorded} recorded");

    server.set_config("maxmemory", 0).await;
    shop.until_all(&id, MessageStatus::Sent).await;
    shop.assert_one_message_each(&[&id]).await;
    shop.record_receipts(&id).await;
    shop.until_campaign(&id, CampaignStatus::Completed).await;
}

#[tokio::test]
async fn sending_stops_while_there_is_memory_for_its_results_and_receipts() {
    let server = redis("memory-reserve").await;
    let mut shop = Shop::on_redis(&server.url(), 4_000).await;
    shop.add_worker([]);
    let id = shop.launch_to_everybody(Some(1_000)).await;
    until("the audience is resolved", async || {
        shop.head(&id).await.size().is_some()
    })
    .await;
    fill_to(&shop, &server, 0.96).await;
    until_waiting_for_memory(&shop, &id).await;
    let accepted = shop.vendor.sent().await;
    assert!(accepted.len() < 4_000, "every message was sent");
    until("every result is recorded", async || {
        let counts = shop.status_counts(&id).await;
        counts
            .get(&MessageStatus::Sent)
            .copied()
            .unwrap_or_default()
            == accepted.len()
    })
    .await;
    let ids = shop.message_ids(&id).into_iter();
    let sent = ids.filter(|id| accepted.contains_key(&id.to_string()));
    shop.record_receipts_for(sent.collect()).await;
    assert_eq!(shop.vendor.sent().await.len(), accepted.len());

    server.set_config("maxmemory", 0).await;
    until("every message is sent", async || {
        shop.vendor.sent().await.len() == 4_000
    })
    .await;
    shop.assert_one_message_each(&[&id]).await;
}
