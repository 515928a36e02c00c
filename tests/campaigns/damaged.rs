//! A damaged campaign does not affect others.

use domain::{CampaignContent, CampaignId, CampaignStatus, MessageStatus};

use super::{EVERYBODY, Shop, millis_from_now};
use crate::support::shop;

#[tokio::test]
async fn an_unreadable_campaign_does_not_hold_back_others() {
    let mut shop = Shop::with_customers(5).await;
    let content = CampaignContent {
        scheduled_at: Some(millis_from_now(-1_000)),
        ..shop::campaign("Spring", EVERYBODY)
    };
    let damaged = shop.create(content.clone()).await;
    let sound = shop.create(content).await;
    damage(&shop, &damaged).await;
    shop.add_worker([]);
    shop.until_all(&sound, MessageStatus::Sent).await;
    shop.record_receipts(&sound).await;
    shop.until_campaign(&sound, CampaignStatus::Completed).await;
    assert!(
        shop.worker_logs()
            .contains("cannot check the scheduled campaign")
    );
}

/// Overwrites a campaign's head with a value that cannot be read.
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
