//! A vendor that is away, and comes back.

use domain::{CampaignStatus, MessageStatus};
use serde_json::json;

use super::{Shop, noticed};
use crate::support::wait::until;

#[tokio::test]
async fn while_the_vendor_is_away_it_is_left_alone_and_nothing_is_lost() {
    const REQUESTS: u32 = 8;
    let mut shop = Shop::with(2_000).await;
    shop.vendor.leave().await;
    shop.work(["--delivery-concurrency", &REQUESTS.to_string()]);
    let id = shop.launched(None).await;
    until("it is told", async || {
        shop.told()
            .contains("the vendor is unavailable: sending is paused")
    })
    .await;
    // Long enough for further attempts, if there were any.
    noticed().await;
    let ids = shop.message_ids(&id);
    let messages = shop.commands.messages(&ids).await.unwrap();
    let attempts: u32 = messages.iter().map(|message| message.attempts()).sum();
    // The tenth failed request opens the breaker at the latest. All others that were in flight then
    // may fail too; no other request but probes is sent, and these cost no attempt. So a bound on
    // requests, each with up to a hundred messages, bounds the attempts: there is less than one per
    // message, and without a breaker there would be eight.
    let bound = (10 + REQUESTS - 1) * 100;
    assert!(attempts > 0 && attempts <= bound, "{attempts} attempts");
    shop.vendor.come_back().await;
    shop.until_all(&id, MessageStatus::Sent).await;
    assert!(shop.told().contains("the vendor is available again"));
    shop.assert_everybody_has_one(&id).await;
}

#[tokio::test]
async fn a_vendor_that_asks_to_be_left_alone_is_and_it_costs_no_attempt() {
    let mut shop = Shop::with(30).await;
    shop.vendor.set(json!({"outage": true})).await;
    shop.work([]);
    let id = shop.launched(None).await;
    until("it is told", async || {
        shop.told().contains("the vendor is busy")
    })
    .await;
    let ids = shop.message_ids(&id);
    let messages = shop.commands.messages(&ids).await.unwrap();
    assert!(messages.iter().all(|message| message.attempts() == 0));
    shop.vendor.set(json!({"outage": false})).await;
    shop.until_all(&id, MessageStatus::Sent).await;
    shop.receipts(&id).await;
    shop.until_campaign(&id, CampaignStatus::Completed).await;
}
