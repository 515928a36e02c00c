//! Campaigns while Redis is short of memory, or has none left.

use domain::{CampaignId, CampaignStatus, MessageStatus};
use serde_json::json;

use super::{Shop, noticed, somebody};
use crate::support::redis_server::{DURABLE, RedisServer};
use crate::support::wait::until;

/// Beside which buffers of connections do not matter.
const BALLAST: u64 = 32 << 20;

/// A Redis that has used this much already.
async fn redis(name: &str) -> RedisServer {
    let server = RedisServer::start(name, DURABLE).await;
    let mut fill = redis::cmd("SETRANGE");
    fill.arg("ballast").arg(BALLAST - 1).arg("x");
    fill.exec_async(&mut server.connect().await).await.unwrap();
    server
}

/// Lets Redis have as much memory as makes what it uses this part of it.
async fn make_full_to(shop: &Shop, redis: &RedisServer, part: f64) {
    let used = shop.commands.log().memory().await.unwrap().used;
    redis.set("maxmemory", (used as f64 / part) as u64).await;
}

async fn until_waiting_for_memory(shop: &Shop, id: &CampaignId) {
    until("it is reported to wait for memory", async || {
        let waiting = shop.store.waiting(&[id]).await.unwrap();
        waiting.get(id).is_some_and(|w| w.reason.name() == "memory")
    })
    .await;
}

#[tokio::test]
async fn queueing_leaves_receipts_their_memory_and_goes_on_by_itself() {
    const RECEIPTS: usize = 500;
    let server = redis("memory-queueing").await;
    let mut shop = Shop::on(&server.url(), RECEIPTS).await;
    shop.work([]);
    let first = shop.launched(None).await;
    shop.until_all(&first, MessageStatus::Sent).await;
    let unconfirmed = shop.message_ids(&first);
    shop.record((RECEIPTS..12_000).map(somebody).collect())
        .await;

    // Two percent are left for all messages of the second campaign, which take more.
    make_full_to(&shop, &server, 0.93).await;
    let second = shop.launched(None).await;
    until_waiting_for_memory(&shop, &second).await;
    let queued = shop.counts(&second).await.values().sum::<usize>();
    assert!(queued < 12_000, "there was room for all");
    shop.receipts_for(unconfirmed).await;

    server.set("maxmemory", 0).await;
    shop.until_all(&second, MessageStatus::Sent).await;
    shop.receipts(&second).await;
    shop.until_campaign(&second, CampaignStatus::Completed)
        .await;
    until("it is not reported any more", async || {
        shop.store.waiting(&[&second]).await.unwrap().is_empty()
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_sent() {
    let server = redis("memory-sending").await;
    let mut shop = Shop::on(&server.url(), 6_000).await;
    let slow = json!({"latency_ms": {"min": 100, "max": 200}});
    shop.vendor.set(slow).await;
    shop.work([]);
    let id = shop.launched(Some(1_000)).await;
    until("all are queued", async || {
        shop.head(&id).await.size().is_some()
    })
    .await;
    make_full_to(&shop, &server, 0.92).await;
    let before = shop.vendor.sent().await.len();
    until("it goes on being sent", async || {
        shop.vendor.sent().await.len() > before + 300
    })
    .await;

    server.set("maxmemory", 1).await;
    noticed().await;
    let sent = shop.vendor.sent().await.len();
    let recorded = shop.counts(&id).await[&MessageStatus::Sent];
    assert!(sent < 6_000, "all were sent");
    assert!(sent <= recorded + 100, "{sent} sent, {recorded} recorded");
    until_waiting_for_memory(&shop, &id).await;

    server.set("maxmemory", 0).await;
    shop.until_all(&id, MessageStatus::Sent).await;
    shop.assert_everybody_has_one(&id).await;
    shop.receipts(&id).await;
    shop.until_campaign(&id, CampaignStatus::Completed).await;
}

#[tokio::test]
async fn sending_stops_while_its_results_and_their_receipts_can_be_recorded() {
    let server = redis("memory-reserve").await;
    let mut shop = Shop::on(&server.url(), 4_000).await;
    shop.work([]);
    let id = shop.launched(Some(1_000)).await;
    until("all are queued", async || {
        shop.head(&id).await.size().is_some()
    })
    .await;
    make_full_to(&shop, &server, 0.96).await;
    until_waiting_for_memory(&shop, &id).await;
    let taken = shop.vendor.sent().await;
    assert!(taken.len() < 4_000, "all were sent");
    until("what was sent is recorded", async || {
        let counts = shop.counts(&id).await;
        counts
            .get(&MessageStatus::Sent)
            .copied()
            .unwrap_or_default()
            == taken.len()
    })
    .await;
    let ids = shop.message_ids(&id).into_iter();
    let sent = ids.filter(|id| taken.contains_key(&id.to_string()));
    shop.receipts_for(sent.collect()).await;
    assert_eq!(shop.vendor.sent().await.len(), taken.len());

    server.set("maxmemory", 0).await;
    until("everybody has one", async || {
        shop.vendor.sent().await.len() == 4_000
    })
    .await;
    shop.assert_everybody_has_one(&id).await;
}
