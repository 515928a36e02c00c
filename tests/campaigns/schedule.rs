//! Campaigns that are launched when their time has come.

use commands::Context;
use domain::{
    Audience, CampaignContent, CampaignId, CampaignStatus, Holder, MessageStatus, SegmentCommand,
    SegmentId, Timestamp,
};

use super::{EVERYBODY, Shop, context, in_millis};
use crate::support::shop;
use crate::support::wait::until;

/// A campaign for a segment, to be launched then.
async fn scheduled(shop: &Shop, at: Timestamp) -> (CampaignId, SegmentId) {
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
    let mut shop = Shop::with(5).await;
    shop.work([]);
    let at = in_millis(3_000);
    let (id, segment) = scheduled(&shop, at).await;
    assert!(is_held(&shop, &segment).await);
    shop.until_all(&id, MessageStatus::Sent).await;
    let launched_at = shop.launch_of(&id).await.clock;
    let late = launched_at.millis() - at.millis();
    assert!((0..2_000).contains(&late), "{late} ms late");
    let released = async || !is_held(&shop, &segment).await;
    until("its segment is let go of", released).await;
}

#[tokio::test]
async fn a_campaign_whose_time_has_long_passed_is_missed() {
    let mut shop = Shop::with(5).await;
    let (id, segment) = scheduled(&shop, in_millis(-120_000)).await;
    shop.work(["--schedule-grace", "1m"]);
    shop.until_campaign(&id, CampaignStatus::Missed).await;
    let told = "its time was missed";
    until(told, async || shop.told().contains(told)).await;
    assert!(!is_held(&shop, &segment).await);
    // By hand it goes out all the same.
    shop.launch(&id).await;
    shop.until_all(&id, MessageStatus::Sent).await;
}

#[tokio::test]
async fn a_campaign_whose_time_has_just_passed_is_launched() {
    let mut shop = Shop::with(5).await;
    let (id, _) = scheduled(&shop, in_millis(-60_000)).await;
    shop.work([]);
    shop.until_all(&id, MessageStatus::Sent).await;
}

/// Whoever was to create the campaign died after it had held the segment.
#[tokio::test]
async fn a_segment_is_not_held_by_a_campaign_that_never_came_to_be() {
    let mut shop = Shop::with(0).await;
    let (existing, segment) = scheduled(&shop, in_millis(600_000)).await;
    let holders = ["cmp_long_ago", "cmp_just_now"].map(|id| Holder::try_from(id).unwrap());
    for (holder, now) in holders.iter().zip([in_millis(-121_000), in_millis(0)]) {
        let context = Context { now, ..context() };
        let holding = shop.commands.execute(
            &context,
            segment.clone(),
            SegmentCommand::Hold(holder.clone()),
        );
        holding.await.unwrap().unwrap();
    }
    shop.work([]);
    let existing = Holder::try_from(existing.as_str()).unwrap();
    let mut expected = [&existing, &holders[1]];
    expected.sort();
    until("only what may need it holds it", async || {
        let found = shop.commands.segment(&segment).await.unwrap().unwrap();
        found.held_by().eq(expected)
    })
    .await;
}
