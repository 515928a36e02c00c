//! Scheduled campaigns.

use commands::Context;
use domain::{
    Audience, CampaignChanges, CampaignContent, CampaignId, CampaignStatus, Change, Holder,
    MessageStatus, SegmentCommand, SegmentId, Timestamp,
};

use super::{EVERYBODY, Shop, context, millis_from_now};
use crate::support::shop;
use crate::support::wait::until;

/// Creates a segment, and a campaign to it that is scheduled for this time.
async fn create_scheduled(shop: &Shop, at: Timestamp) -> (CampaignId, SegmentId) {
    let segment = SegmentId::try_from("seg_1").unwrap();
    let content = shop::segment("Everybody", EVERYBODY);
    let context = context();
    let created = shop
        .commands
        .execute(&context, segment.clone(), SegmentCommand::Create(content));
    created.await.unwrap().unwrap();
    let content = CampaignContent {
        audience: Audience::SegmentId(segment.clone()),
        scheduled_at: Some(at),
        ..shop::campaign("Spring", EVERYBODY)
    };
    (shop.create(content).await, segment)
}

async fn is_held(shop: &Shop, segment: &SegmentId) -> bool {
    let segment = shop.commands.segment(segment).await.unwrap().unwrap();
    segment.held_by().next().is_some()
}

#[tokio::test]
async fn a_scheduled_campaign_is_launched_at_its_time() {
    let mut shop = Shop::with_customers(5).await;
    shop.add_worker([]);
    let at = millis_from_now(3_000);
    let (id, segment) = create_scheduled(&shop, at).await;
    assert!(is_held(&shop, &segment).await);
    shop.until_all(&id, MessageStatus::Sent).await;
    let launched_at = shop.launch_of(&id).await.clock;
    let late = launched_at.millis() - at.millis();
    assert!((0..2_000).contains(&late), "{late} ms late");
    let released = async || !is_held(&shop, &segment).await;
    until("the segment is released", released).await;
}

#[tokio::test]
async fn a_draft_with_a_time_is_launched_at_its_time() {
    let mut shop = Shop::with_customers(5).await;
    shop.add_worker([]);
    let id = shop.create(shop::campaign("Spring", EVERYBODY)).await;
    let at = millis_from_now(3_000);
    let changes = CampaignChanges {
        scheduled_at: Change::Set(at),
        ..CampaignChanges::default()
    };
    let context = context();
    let updated = shop.commands.update_draft(&context, &id, &changes).await;
    updated.unwrap().unwrap();
    shop.launch(&id).await;
    shop.until_all(&id, MessageStatus::Sent).await;
    let late = shop.launch_of(&id).await.clock.millis() - at.millis();
    assert!((0..2_000).contains(&late), "{late} ms late");
}

#[tokio::test]
async fn a_campaign_past_its_grace_period_is_missed() {
    let mut shop = Shop::with_customers(5).await;
    let (id, segment) = create_scheduled(&shop, millis_from_now(-120_000)).await;
    shop.add_worker(["--schedule-grace", "1m"]);
    shop.until_campaign(&id, CampaignStatus::Missed).await;
    let log_line = "missed the time of a scheduled campaign";
    until(log_line, async || shop.worker_logs().contains(log_line)).await;
    assert!(!is_held(&shop, &segment).await);
    // A missed campaign can still be launched by hand.
    shop.launch(&id).await;
    shop.until_all(&id, MessageStatus::Sent).await;
}

#[tokio::test]
async fn a_campaign_within_its_grace_period_is_launched() {
    let mut shop = Shop::with_customers(5).await;
    let (id, _) = create_scheduled(&shop, millis_from_now(-60_000)).await;
    shop.add_worker([]);
    shop.until_all(&id, MessageStatus::Sent).await;
}

/// A process can die after it has held the segment and before it creates the campaign.
#[tokio::test]
async fn the_hold_of_a_campaign_that_was_never_created_is_released() {
    let mut shop = Shop::with_customers(0).await;
    let (existing, segment) = create_scheduled(&shop, millis_from_now(600_000)).await;
    // A hold is released once it is 120 s old, if its campaign does not exist by then.
    let holders = ["cmp_long_ago", "cmp_just_now"].map(|id| Holder::try_from(id).unwrap());
    for (holder, now) in holders
        .iter()
        .zip([millis_from_now(-121_000), millis_from_now(0)])
    {
        let context = Context { now, ..context() };
        let holding = shop.commands.execute(
            &context,
            segment.clone(),
            SegmentCommand::Hold(holder.clone()),
        );
        holding.await.unwrap().unwrap();
    }
    shop.add_worker([]);
    let existing = Holder::try_from(existing.as_str()).unwrap();
    let mut expected = [&existing, &holders[1]];
    expected.sort();
    until("only the holds that may be needed remain", async || {
        let found = shop.commands.segment(&segment).await.unwrap().unwrap();
        found.held_by().eq(expected)
    })
    .await;
}

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
