//! Outages of the vendor.

use domain::{CampaignStatus, MessageStatus};
use serde_json::json;

use super::Shop;
use crate::support::wait::until;

#[tokio::test]
async fn the_breaker_limits_attempts_during_an_outage_and_no_message_is_lost() {
    const REQUESTS: u32 = 8;
    let mut shop = Shop::with_customers(2_000).await;
    shop.vendor.leave().await;
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
    shop.vendor.come_back().await;
    shop.until_all(&id, MessageStatus::Sent).await;
    assert!(shop.worker_logs().contains("the vendor is available again"));
    shop.assert_one_message_each(&[&id]).await;
}

#[tokio::test]
async fn sending_pauses_for_a_busy_vendor_without_using_attempts() {
    let mut shop = Shop::with_customers(30).await;
    shop.vendor.set(json!({"outage": true})).await;
    shop.add_worker([]);
    let id = shop.launch_to_everybody(None).await;
    until("the worker logs it", async || {
        shop.worker_logs().contains("the vendor is busy")
    })
    .await;
    let ids = shop.message_ids(&id);
    let messages = shop.commands.messages(&ids).await.unwrap();
    assert!(messages.iter().all(|message| message.attempts() == 0));
    shop.vendor.set(json!({"outage": false})).await;
    shop.until_all(&id, MessageStatus::Sent).await;
    shop.record_receipts(&id).await;
    shop.until_campaign(&id, CampaignStatus::Completed).await;
}
