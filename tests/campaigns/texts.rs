//! Texts are rendered from the values in the log, and sent only if they match the recorded digest.

use std::collections::BTreeMap;

use bson::doc;
use domain::{
    Channel, MessageCommand, MessageContent, MessageId, MessageStatus, PersonalContent, TextDigest,
};
use projections::DiscrepancyKind;
use serde_json::json;

use super::{Shop, context};
use crate::support::shop::rendered_content;
use crate::support::wait::until;

/// Returns the content of a message of `shop::campaign` to the customer `id`.
fn content(id: &MessageId) -> MessageContent {
    let (to, values) = (
        format!("{}@example.com", id.customer),
        json!({"name": "Ada"}),
    );
    rendered_content(Channel::Email, &to, "Hi {{ name }}", values)
}

#[tokio::test]
async fn a_text_that_differs_from_the_recorded_digest_is_never_sent() {
    let mut shop = Shop::with_customers(4).await;
    let id = shop.launch_to_everybody(None).await;
    let [_, changed, unrenderable, foreign] = &shop.message_ids(&id)[..] else {
        panic!("the shop has four customers");
    };
    let changed = (changed.clone(), {
        let sound = content(changed);
        let digest = TextDigest::of("Hi Eve");
        let content = PersonalContent {
            digest,
            ..sound.content
        };
        MessageContent { content, ..sound }
    });
    let unrenderable = (unrenderable.clone(), {
        let sound = content(unrenderable);
        let values = serde_json::from_value(json!({"city": "Rome"})).unwrap();
        let content = PersonalContent {
            values,
            ..sound.content
        };
        MessageContent { content, ..sound }
    });
    let foreign = (foreign.clone(), {
        let values = json!({"name": "Ada"});
        rendered_content(Channel::Email, "a@example.com", "Bye {{ name }}", values)
    });
    let queue = |(id, content)| (id, MessageCommand::Queue(content));
    let queued = [changed, unrenderable, foreign].map(queue);
    let context = context();
    let queued = shop
        .commands
        .execute_on_new_messages(&context, queued.into());
    assert!(queued.await.unwrap().iter().all(Result::is_ok));

    shop.add_worker([]);
    let expected = BTreeMap::from([(MessageStatus::Sent, 1), (MessageStatus::Suppressed, 3)]);
    until("one message is sent, three are suppressed", async || {
        shop.status_counts(&id).await == expected
    })
    .await;
    let sent = shop.vendor.sent().await;
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(sent.contains_key(&shop.message_ids(&id)[0].to_string()));

    let reconciled = shop.reconcile(&id).await;
    let found: Vec<_> = reconciled
        .discrepancies
        .iter()
        .map(|found| (found.kind, found.customer.as_ref().unwrap().as_str()))
        .collect();
    let differs = |customer| (DiscrepancyKind::TextDiffers, customer);
    let mut found = found;
    found.sort_by_key(|(_, customer)| *customer);
    assert_eq!(found, ["c-0001", "c-0002", "c-0003"].map(differs));
    assert_eq!((reconciled.sent, reconciled.suppressed), (1, 3));
    until("the view shows the reasons", async || {
        let ids = shop.message_ids(&id);
        let mut details = Vec::new();
        for id in &ids[1..] {
            let message = shop.store.message(id).await.unwrap().unwrap();
            details.extend(
                message
                    .suppression
                    .map(|why| (why.reason, why.detail.unwrap())),
            );
        }
        details
            == [
                "the text is not the one that was recorded when the message was queued",
                "the text cannot be rendered again: name has no value",
                "the campaign does not have the template that the message was queued with",
            ]
            .map(|detail| ("template".to_owned(), detail.to_owned()))
    })
    .await;
}

#[tokio::test]
async fn a_damaged_view_suppresses_no_message() {
    let mut shop = Shop::with_customers(3).await;
    let id = shop.launch_to_everybody(None).await;
    // A worker that cannot reach its vendor queues the messages. Then the view is damaged.
    shop.add_worker_for("http://127.0.0.1:9", []);
    let queued = async || {
        let figures = shop.store.campaign_stats(&[&id]).await.unwrap();
        figures
            .get(&id)
            .is_some_and(|figures| figures.queued() == 3)
    };
    until("the view shows every message as queued", queued).await;
    shop.workers.clear();
    let messages = shop.store.collection("messages", 1);
    let damage = doc! {"$set": {"content.values.name": "Eve", "to": "eve@example.com"}};
    let damaged = messages.update_many(doc! {"customer_id": "c-0000"}, damage);
    assert_eq!(damaged.await.unwrap().modified_count, 1);
    let damage = doc! {"$unset": {"content": ""}};
    let damaged = messages.update_many(doc! {"customer_id": "c-0001"}, damage);
    assert_eq!(damaged.await.unwrap().modified_count, 1);
    shop.add_worker([]);
    shop.until_all(&id, MessageStatus::Sent).await;
    shop.assert_one_message_each(&[&id]).await;
    let sent = shop.vendor.sent().await;
    assert!(
        sent.values().all(|sent| sent.to != "eve@example.com"),
        "{sent:?}"
    );
}
