//! Every recipient gets the message exactly once.

use domain::{AudienceSize, CampaignStatus, MessageCommand, MessageId, MessageStatus, Subject};
use serde_json::json;

use super::{Shop, context};
use crate::support::wait::until;

#[tokio::test]
async fn every_recipient_gets_the_message_once() {
    let mut shop = Shop::with_customers(50).await;
    shop.add_worker([]);
    let id = shop.launch_to_everybody(None).await;
    shop.until_all(&id, MessageStatus::Sent).await;
    shop.assert_one_message_each(&[&id]).await;
    let sent = shop.vendor.sent().await;
    assert!(sent.values().all(|sent| sent.requested == 1), "{sent:?}");
    assert!(sent.values().any(|sent| sent.to == "c7@example.com"));

    let head = shop.head(&id).await;
    assert_eq!(head.status(), Some(CampaignStatus::Sending));
    let size = AudienceSize {
        planned: 50,
        queued: 50,
        suppressed: 0,
        undetermined: 0,
    };
    assert_eq!(head.size(), Some(size));
    shop.record_receipts(&id).await;
    shop.until_campaign(&id, CampaignStatus::Completed).await;
}

#[tokio::test]
async fn worker_events_record_their_actor_and_the_request_of_the_launch() {
    let mut shop = Shop::with_customers(1).await;
    shop.add_worker([]);
    let id = shop.launch_to_everybody(None).await;
    shop.until_all(&id, MessageStatus::Sent).await;
    let subject = Subject::Message(shop.customers[0].clone(), id);
    let log = shop.commands.log();
    let key = log.layout().key(subject.to_string(), subject.route());
    let history = log.history(&key).await.unwrap();
    let recorded: Vec<(&str, serde_json::Value)> = history
        .iter()
        .map(|entry| (&*entry.tag, serde_json::from_str(&entry.meta).unwrap()))
        .collect();
    let actors: Vec<_> = recorded
        .iter()
        .map(|(tag, meta)| (*tag, meta["actor"].as_str().unwrap()))
        .collect();
    assert_eq!(
        actors,
        [
            ("message_queued.1", "worker:audience"),
            ("message_sent.1", "worker:delivery")
        ]
    );
    assert!(
        recorded
            .iter()
            .all(|(_, meta)| meta["request"] == "req-launch")
    );
}

#[tokio::test]
async fn a_campaign_without_recipients_completes() {
    let mut shop = Shop::with_customers(0).await;
    shop.add_worker([]);
    let id = shop.launch_to_everybody(None).await;
    shop.until_campaign(&id, CampaignStatus::Completed).await;
}

#[tokio::test]
async fn every_message_is_sent_despite_errors_and_lost_responses() {
    let mut shop = Shop::with_customers(50).await;
    let faults =
        json!({"error_rate": 0.3, "lost_answer_rate": 0.2, "latency_ms": {"min": 0, "max": 20}});
    shop.vendor.configure(faults).await;
    shop.add_worker(["--delivery-attempts", "50"]);
    // Slow enough for many requests, so that some of them fail.
    let id = shop.launch_to_everybody(Some(25)).await;
    shop.until_all(&id, MessageStatus::Sent).await;
    shop.assert_one_message_each(&[&id]).await;
    let messages = shop.commands.messages(&shop.message_ids(&id)).await;
    let messages = messages.unwrap();
    let failed = messages.iter().filter(|message| message.attempts() > 0);
    assert!(failed.count() > 0, "{messages:?}");
}

#[tokio::test]
async fn every_message_is_sent_despite_timeouts() {
    let mut shop = Shop::with_customers(40).await;
    let slow = json!({"latency_ms": {"min": 0, "max": 2_000}});
    shop.vendor.configure(slow).await;
    shop.add_worker(["--delivery-timeout", "1s", "--delivery-attempts", "50"]);
    let id = shop.launch_to_everybody(None).await;
    shop.until_all(&id, MessageStatus::Sent).await;
    shop.assert_one_message_each(&[&id]).await;
}

#[tokio::test]
async fn an_undeliverable_message_waits_until_it_is_requeued() {
    let mut shop = Shop::with_customers(20).await;
    shop.vendor.configure(json!({"error_rate": 1.0})).await;
    shop.add_worker(["--delivery-attempts", "2"]);
    let id = shop.launch_to_everybody(None).await;
    shop.until_all(&id, MessageStatus::Undeliverable).await;
    let requests = shop.vendor.request_count().await;
    assert!((2..=21).contains(&requests), "{requests}");
    let status = shop.head(&id).await.status();
    assert_eq!(
        status,
        Some(CampaignStatus::Sending),
        "the campaign stays open"
    );

    shop.vendor.configure(json!({"error_rate": 0.0})).await;
    let requeue = |id| (id, MessageCommand::Requeue);
    let requeued = shop.message_ids(&id).into_iter().map(requeue).collect();
    let requeued = shop
        .commands
        .execute_on_messages(&context(), requeued)
        .await;
    assert!(requeued.unwrap().iter().all(Result::is_ok));
    shop.until_all(&id, MessageStatus::Sent).await;
    shop.record_receipts(&id).await;
    shop.until_campaign(&id, CampaignStatus::Completed).await;
}

#[tokio::test]
async fn a_request_that_the_vendor_refuses_is_not_repeated() {
    let mut shop = Shop::with_customers(5).await;
    let id = shop.launch_to_everybody(None).await;
    shop.add_worker(["--callback-url", "http://example.org"]);
    shop.until_all(&id, MessageStatus::Undeliverable).await;
    // All together, and then each alone, to find out which is at fault.
    assert_eq!(shop.vendor.request_count().await, 6);
    let first = &shop.message_ids(&id)[0];
    let shown = async || {
        let message = shop.store.message(first).await.unwrap();
        message.is_some_and(|message| message.status == MessageStatus::Undeliverable)
    };
    until("the view shows the message as undeliverable", shown).await;
    let message = shop.store.message(first).await.unwrap().unwrap();
    let problem = "answered 422 urn:patron:vendor:invalid-request";
    assert_eq!(message.problem.as_deref(), Some(problem));
    assert_eq!(message.attempts, 1);
}

#[tokio::test]
async fn a_message_that_the_vendor_refuses_is_rejected_and_the_campaign_completes() {
    let mut shop = Shop::with_customers(40).await;
    shop.vendor.configure(json!({"refused_rate": 0.3})).await;
    shop.add_worker([]);
    let id = shop.launch_to_everybody(None).await;
    until("every message is sent or rejected", async || {
        let counts = shop.status_counts(&id).await;
        let count = |status| counts.get(&status).copied().unwrap_or_default();
        let rejected = count(MessageStatus::Rejected);
        rejected > 0 && rejected + count(MessageStatus::Sent) == 40
    })
    .await;
    let counts = shop.status_counts(&id).await;
    let rejected = counts[&MessageStatus::Rejected];
    let accepted = shop.vendor.sent().await;
    assert_eq!(accepted.len(), 40 - rejected);
    let is_sent = |id: &MessageId| accepted.contains_key(&id.to_string());
    let (sent, refused): (Vec<_>, Vec<_>) = shop.message_ids(&id).into_iter().partition(is_sent);

    // Nothing queues a rejected message again.
    let requeue = |id: &MessageId| (id.clone(), MessageCommand::Requeue);
    let requeued = refused.iter().map(requeue).collect();
    let done = shop
        .commands
        .execute_on_messages(&context(), requeued)
        .await;
    assert!(done.unwrap().iter().all(Result::is_ok));
    assert_eq!(shop.status_counts(&id).await, counts);

    shop.record_receipts_for(sent).await;
    shop.until_campaign(&id, CampaignStatus::Completed).await;
    let accounts = shop.reconcile(&id).await;
    assert_eq!(accounts.discrepancies, []);
    let figures = (accounts.sent, accounts.failed, accounts.rejected);
    let rejected = rejected as u64;
    assert_eq!(figures, (40 - rejected, rejected, rejected));
    let message = shop.store.message(&refused[0]).await.unwrap().unwrap();
    let problem = message.problem.as_deref();
    assert_eq!(problem, Some("answered refused: unknown-recipient"));
}

#[tokio::test]
async fn a_killed_worker_loses_and_duplicates_no_message() {
    let mut shop = Shop::with_customers(300).await;
    shop.add_worker([]);
    shop.add_worker([]);
    let id = shop.launch_to_everybody(Some(100)).await;
    until("some messages are sent", async || {
        shop.vendor.sent().await.len() > 50
    })
    .await;
    shop.workers[0].kill();
    until("more messages are sent", async || {
        shop.vendor.sent().await.len() > 150
    })
    .await;
    shop.workers[1].kill();
    shop.add_worker([]);
    shop.until_all(&id, MessageStatus::Sent).await;
    shop.assert_one_message_each(&[&id]).await;
}
