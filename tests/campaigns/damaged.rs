//! A campaign that cannot be worked on is nobody else's trouble.

use domain::{CampaignContent, CampaignId, CampaignStatus, MessageStatus};

use super::{EVERYBODY, Shop, in_millis};
use crate::support::shop;

#[tokio::test]
async fn a_campaign_that_cannot_be_read_keeps_no_other_back() {
    let mut shop = Shop::with(5).await;
    let content = CampaignContent {
        scheduled_at: Some(in_millis(-1_000)),
        ..shop::campaign("Spring", EVERYBODY)
    };
    let damaged = shop.create(content.clone()).await;
    let sound = shop.create(content).await;
    damage(&shop, &damaged).await;
    shop.work([]);
    shop.until_all(&sound, MessageStatus::Sent).await;
    shop.receipts(&sound).await;
    shop.until_campaign(&sound, CampaignStatus::Completed).await;
    assert!(shop.told().contains("cannot check the scheduled campaign"));
}

/// Makes a campaign's head unreadable, as no program of ours does.
async fn damage(shop: &Shop, id: &CampaignId) {
    let (url, name) = (&*shop.settings.redis_url, &shop.settings.name);
    let client = redis::Client::open(url).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    let mut buckets = redis::cmd("KEYS");
    buckets.arg(format!("{{{name}:*}}:heads:campaign:*"));
    let buckets: Vec<String> = buckets.query_async(&mut redis).await.unwrap();
    let key = format!("campaign/{id}");
    for bucket in buckets {
        let mut exists = redis::cmd("HEXISTS");
        exists.arg(&bucket).arg(&key);
        if exists.query_async(&mut redis).await.unwrap() {
            let mut set = redis::cmd("HSET");
            set.arg(&bucket).arg(&key).arg("nonsense");
            return set.exec_async(&mut redis).await.unwrap();
        }
    }
    panic!("{id} has no head");
}
