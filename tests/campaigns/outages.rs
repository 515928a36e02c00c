//! A vendor that is away, and comes back.

use domain::{CampaignStatus, MessageStatus};
use serde_json::json;

use super::Shop;
use crate::support::wait::until;

#[tokio::test]
async fn while_the_vendor_is_away_it_is_left_alone_and_nothing_is_lost() {
    let mut shop = Shop::with(300).await;
    shop.vendor.leave().await;
    shop.work(["--delivery-concurrency", "8"]);
    let id = shop.launched(None).await;
    until("it is told", async || {
        shop.told().contains("the vendor is away")
    })
    .await;
    // Those that were on their way when it was noticed, and no others.
    let messages = shop
        .commands
        .messages(&shop.message_ids(&id))
        .await
        .unwrap();
    // Two failures that are a second apart, or ten, open the breaker.
    let attempts = messages.iter().map(|message| message.attempts()).max();
    assert!(attempts < Some(8), "{attempts:?} attempts");
    shop.vendor.come_back().await;
    shop.until_all(&id, MessageStatus::Sent).await;
    assert!(shop.told().contains("the vendor is back"));
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
