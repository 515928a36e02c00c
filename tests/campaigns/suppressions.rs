//! Suppressed messages and their reasons.

use std::collections::BTreeMap;

use domain::{CampaignContent, Change, MessageStatus, Template};

use super::{EVERYBODY, Shop, reachable_customer};
use crate::support::shop;
use crate::support::wait::{eventually, until};

#[tokio::test]
async fn unreachable_and_unsubscribed_customers_are_suppressed_with_a_reason() {
    let mut shop = Shop::with_customers(2).await;
    let (mut unsubscribed, mut unreachable, mut nameless, mut by_phone) = (
        reachable_customer(2),
        reachable_customer(3),
        reachable_customer(4),
        reachable_customer(5),
    );
    unsubscribed.changes.unsubscribed = Change::Set(true);
    unreachable.changes.profile.email = Change::Keep;
    nameless.changes.profile.name = Change::Keep;
    by_phone.changes.profile.email = Change::Keep;
    by_phone.changes.profile.phone = Change::Set(shop::phone("+493012345"));
    shop.record(vec![unsubscribed, unreachable, nameless, by_phone])
        .await;
    shop.add_worker([]);
    let id = shop.launch_to_everybody(None).await;
    let expected = BTreeMap::from([(MessageStatus::Sent, 3), (MessageStatus::Suppressed, 3)]);
    until("every message has its final status", async || {
        shop.status_counts(&id).await == expected
    })
    .await;
    let reasons = BTreeMap::from(
        ["unsubscribed", "no_address", "template"].map(|reason| (reason.to_owned(), 1)),
    );
    let shown = async || {
        let figures = shop.store.campaign_stats(&[&id]).await.unwrap();
        figures[&id].suppressed_for == reasons
    };
    until("the view shows the reasons", shown).await;
    let sent = shop.vendor.sent().await;
    assert!(
        sent.values().any(|sent| sent.to == "+493012345"),
        "{sent:?}"
    );
    let size = shop.head(&id).await.size().unwrap();
    assert_eq!((size.planned, size.queued, size.suppressed), (6, 3, 3));
}

#[tokio::test]
async fn no_customer_gets_more_messages_than_the_weekly_cap() {
    let mut shop = Shop::with_customers(10).await;
    // Campaigns are resolved one after the other, in no particular order.
    let campaigns = [
        shop.launch_to_everybody(None).await,
        shop.launch_to_everybody(None).await,
        shop.launch_to_everybody(None).await,
    ];
    shop.add_worker(["--max-messages-per-week", "2"]);
    let all = |status| BTreeMap::from([(status, 10)]);
    let (sent, suppressed) = (all(MessageStatus::Sent), all(MessageStatus::Suppressed));
    let third = eventually(
        "two campaigns are sent, and one is suppressed",
        async || {
            let mut counts = Vec::new();
            for id in &campaigns {
                counts.push(shop.status_counts(id).await);
            }
            let complete = counts.iter().filter(|counts| **counts == sent);
            let two_are_sent = complete.count() == 2;
            let third = counts.iter().position(|counts| *counts == suppressed);
            third.filter(|_| two_are_sent)
        },
    )
    .await;
    let third = &campaigns[third];
    let shown = async || {
        let figures = shop.store.campaign_stats(&[third]).await.unwrap();
        figures[third].suppressed_for.get("frequency_cap") == Some(&10)
    };
    until("the view shows the reason", shown).await;
}

#[tokio::test]
async fn a_customer_who_unsubscribes_before_sending_gets_no_message() {
    let mut shop = Shop::with_customers(4).await;
    shop.add_worker([]);
    // One message per second: the last one is still queued when its customer unsubscribes.
    let id = shop.launch_to_everybody(Some(1)).await;
    until("one message is sent", async || {
        shop.vendor.request_count().await > 0
    })
    .await;
    let mut last = reachable_customer(3);
    last.changes = Default::default();
    last.changes.unsubscribed = Change::Set(true);
    shop.record(vec![last]).await;
    let expected = BTreeMap::from([(MessageStatus::Sent, 3), (MessageStatus::Suppressed, 1)]);
    until("every message has its final status", async || {
        shop.status_counts(&id).await == expected
    })
    .await;
}

#[tokio::test]
async fn a_message_is_rendered_from_the_customer_at_the_launch() {
    let mut shop = Shop::with_customers(1).await;
    let template = Template::try_from("Dear {{ name }}".to_owned()).unwrap();
    let id = shop
        .create(CampaignContent {
            template,
            ..shop::campaign("Spring", EVERYBODY)
        })
        .await;
    shop.launch(&id).await;
    let mut renamed = reachable_customer(0);
    renamed.changes.profile.name = Change::Set(shop::text("Another"));
    shop.record(vec![renamed]).await;
    shop.add_worker([]);
    shop.until_all(&id, MessageStatus::Sent).await;
    let message = &shop.message_ids(&id)[0];
    let in_view = async || shop.store.message(message).await.unwrap();
    let message = eventually("the view has the message", in_view).await;
    let texts = shop.commands.texts(vec![message.recorded().unwrap()]).await;
    assert_eq!(texts.unwrap(), [Ok("Dear Customer 0".to_owned())]);
}
