//! Who gets no message, and why.

use std::collections::BTreeMap;

use domain::{CampaignContent, Change, MessageStatus, Template};

use super::{EVERYBODY, Shop, somebody};
use crate::support::shop;
use crate::support::wait::{eventually, until};

#[tokio::test]
async fn who_cannot_or_will_not_be_written_to_is_suppressed_with_the_reason() {
    let mut shop = Shop::with(2).await;
    let (mut unwilling, mut unreachable, mut nameless, mut by_phone) =
        (somebody(2), somebody(3), somebody(4), somebody(5));
    unwilling.changes.unsubscribed = Change::Set(true);
    unreachable.changes.profile.email = Change::Keep;
    nameless.changes.profile.name = Change::Keep;
    by_phone.changes.profile.email = Change::Keep;
    by_phone.changes.profile.phone = Change::Set(shop::text("+49 30 1"));
    shop.record(vec![unwilling, unreachable, nameless, by_phone])
        .await;
    shop.work([]);
    let id = shop.launched(None).await;
    let expected = BTreeMap::from([(MessageStatus::Sent, 3), (MessageStatus::Suppressed, 3)]);
    until("all have ended", async || {
        shop.counts(&id).await == expected
    })
    .await;
    let reasons = BTreeMap::from(
        ["unsubscribed", "no_address", "template"].map(|reason| (reason.to_owned(), 1)),
    );
    let known = async || {
        let figures = shop.store.campaign_stats(&[&id]).await.unwrap();
        figures[&id].suppressed_for == reasons
    };
    until("the reasons are told", known).await;
    let sent = shop.vendor.sent().await;
    assert!(sent.values().any(|sent| sent.to == "+49 30 1"), "{sent:?}");
    let size = shop.head(&id).await.size().unwrap();
    assert_eq!((size.planned, size.queued, size.suppressed), (6, 3, 3));
}

#[tokio::test]
async fn nobody_gets_more_than_the_most_within_a_week() {
    let mut shop = Shop::with(10).await;
    // Which of them are resolved first is not said, but it is one after the other.
    let campaigns = [
        shop.launched(None).await,
        shop.launched(None).await,
        shop.launched(None).await,
    ];
    shop.work(["--max-messages-per-week", "2"]);
    let all = |status| BTreeMap::from([(status, 10)]);
    let (sent, suppressed) = (all(MessageStatus::Sent), all(MessageStatus::Suppressed));
    let third = eventually("two are sent to everybody, and one to nobody", async || {
        let mut counts = Vec::new();
        for id in &campaigns {
            counts.push(shop.counts(id).await);
        }
        let those_sent = counts.iter().filter(|counts| **counts == sent);
        let both = those_sent.count() == 2;
        let third = counts.iter().position(|counts| *counts == suppressed);
        third.filter(|_| both)
    })
    .await;
    let third = &campaigns[third];
    let known = async || {
        let figures = shop.store.campaign_stats(&[third]).await.unwrap();
        figures[third].suppressed_for.get("frequency_cap") == Some(&10)
    };
    until("the reason is told", known).await;
}

#[tokio::test]
async fn who_unsubscribes_before_it_is_sent_gets_none() {
    let mut shop = Shop::with(4).await;
    shop.work([]);
    // One a second: the last one is still waiting when they say so.
    let id = shop.launched(Some(1)).await;
    until("one is sent", async || shop.vendor.requests().await > 0).await;
    let mut last = somebody(3);
    last.changes = Default::default();
    last.changes.unsubscribed = Change::Set(true);
    shop.record(vec![last]).await;
    let expected = BTreeMap::from([(MessageStatus::Sent, 3), (MessageStatus::Suppressed, 1)]);
    until("all have ended", async || {
        shop.counts(&id).await == expected
    })
    .await;
}

#[tokio::test]
async fn a_message_says_what_was_known_at_the_launch() {
    let mut shop = Shop::with(1).await;
    let template = Template::try_from("Dear {{ name }}".to_owned()).unwrap();
    let id = shop
        .create(CampaignContent {
            template,
            ..shop::campaign("Spring", EVERYBODY)
        })
        .await;
    shop.launch(&id).await;
    let mut renamed = somebody(0);
    renamed.changes.profile.name = Change::Set(shop::text("Another"));
    shop.record(vec![renamed]).await;
    shop.work([]);
    shop.until_all(&id, MessageStatus::Sent).await;
    let message = &shop.message_ids(&id)[0];
    let known = async || shop.store.message(message).await.unwrap();
    let message = eventually("the view shows it", known).await;
    let texts = shop.commands.texts(vec![message.recorded().unwrap()]).await;
    assert_eq!(texts.unwrap(), [Ok("Dear Customer 0".to_owned())]);
}
