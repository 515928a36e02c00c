//! Everybody gets the message, and gets it once.

use domain::{AudienceSize, CampaignStatus, MessageCommand, MessageStatus, Subject};
use serde_json::json;

use super::{Shop, context};
use crate::support::wait::until;

#[tokio::test]
async fn a_campaign_goes_out_and_everybody_has_it_once() {
    let mut shop = Shop::with(50).await;
    shop.work([]);
    let id = shop.launched(None).await;
    shop.until_all(&id, MessageStatus::Sent).await;
    shop.assert_everybody_has_one(&id).await;
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
    shop.receipts(&id).await;
    shop.until_campaign(&id, CampaignStatus::Completed).await;
}

#[tokio::test]
async fn what_workers_do_says_who_did_it_and_which_request_asked() {
    let mut shop = Shop::with(1).await;
    shop.work([]);
    let id = shop.launched(None).await;
    shop.until_all(&id, MessageStatus::Sent).await;
    let subject = Subject::Message(shop.customers[0].clone(), id);
    let log = shop.commands.log();
    let key = log.layout().key(subject.to_string(), subject.route());
    let history = log.history(&key).await.unwrap();
    let told: Vec<(&str, serde_json::Value)> = history
        .iter()
        .map(|entry| (&*entry.tag, serde_json::from_str(&entry.meta).unwrap()))
        .collect();
    let said: Vec<_> = told
        .iter()
        .map(|(tag, meta)| (*tag, meta["actor"].as_str().unwrap()))
        .collect();
    assert_eq!(
        said,
        [
            ("message_queued.1", "worker:audience"),
            ("message_sent.1", "worker:delivery")
        ]
    );
    assert!(told.iter().all(|(_, meta)| meta["request"] == "req-launch"));
}

#[tokio::test]
async fn a_campaign_for_nobody_is_completed() {
    let mut shop = Shop::with(0).await;
    shop.work([]);
    let id = shop.launched(None).await;
    shop.until_campaign(&id, CampaignStatus::Completed).await;
}

#[tokio::test]
async fn a_vendor_that_errs_and_loses_answers_gets_everything_in_the_end() {
    let mut shop = Shop::with(50).await;
    let faults =
        json!({"error_rate": 0.3, "lost_answer_rate": 0.2, "latency_ms": {"min": 0, "max": 20}});
    shop.vendor.set(faults).await;
    shop.work(["--delivery-attempts", "50"]);
    // Slow enough for more requests than a few.
    let id = shop.launched(Some(25)).await;
    shop.until_all(&id, MessageStatus::Sent).await;
    shop.assert_everybody_has_one(&id).await;
    let messages = shop.commands.messages(&shop.message_ids(&id)).await;
    let messages = messages.unwrap();
    let failed = messages.iter().filter(|message| message.attempts() > 0);
    assert!(failed.count() > 0, "{messages:?}");
}

#[tokio::test]
async fn a_vendor_that_is_slow_at_times_gets_everything_in_the_end() {
    let mut shop = Shop::with(40).await;
    let slow = json!({"latency_ms": {"min": 0, "max": 2_000}});
    shop.vendor.set(slow).await;
    shop.work(["--delivery-timeout", "1s", "--delivery-attempts", "50"]);
    let id = shop.launched(None).await;
    shop.until_all(&id, MessageStatus::Sent).await;
    shop.assert_everybody_has_one(&id).await;
}

#[tokio::test]
async fn what_cannot_be_delivered_waits_for_somebody_to_queue_it_again() {
    let mut shop = Shop::with(20).await;
    shop.vendor.set(json!({"error_rate": 1.0})).await;
    shop.work(["--delivery-attempts", "2"]);
    let id = shop.launched(None).await;
    shop.until_all(&id, MessageStatus::Undeliverable).await;
    let requests = shop.vendor.requests().await;
    assert!((2..=21).contains(&requests), "{requests}");
    let status = shop.head(&id).await.status();
    assert_eq!(status, Some(CampaignStatus::Sending), "it is not over");

    shop.vendor.set(json!({"error_rate": 0.0})).await;
    let requeue = |id| (id, MessageCommand::Requeue);
    let requeued = shop.message_ids(&id).into_iter().map(requeue).collect();
    let requeued = shop
        .commands
        .execute_on_messages(&context(), requeued)
        .await;
    assert!(requeued.unwrap().iter().all(Result::is_ok));
    shop.until_all(&id, MessageStatus::Sent).await;
    shop.receipts(&id).await;
    shop.until_campaign(&id, CampaignStatus::Completed).await;
}

#[tokio::test]
async fn what_the_vendor_refuses_is_not_tried_again() {
    let mut shop = Shop::with(5).await;
    shop.work(["--callback-url", "http://example.org"]);
    let id = shop.launched(None).await;
    shop.until_all(&id, MessageStatus::Undeliverable).await;
    assert_eq!(shop.vendor.requests().await, 1);
    let first = &shop.message_ids(&id)[0];
    let known = async || {
        let message = shop.store.message(first).await.unwrap();
        message.is_some_and(|message| message.status == MessageStatus::Undeliverable)
    };
    until("the view shows it", known).await;
    let message = shop.store.message(first).await.unwrap().unwrap();
    let problem = "answered refused: invalid-request";
    assert_eq!(message.problem.as_deref(), Some(problem));
    assert_eq!(message.attempts, 1);
}

#[tokio::test]
async fn a_worker_that_is_killed_loses_nothing_and_doubles_nothing() {
    let mut shop = Shop::with(300).await;
    shop.work([]);
    shop.work([]);
    let id = shop.launched(Some(100)).await;
    until("some are sent", async || {
        shop.vendor.sent().await.len() > 50
    })
    .await;
    shop.workers[0].kill();
    until("more are sent", async || {
        shop.vendor.sent().await.len() > 150
    })
    .await;
    shop.workers[1].kill();
    shop.work([]);
    shop.until_all(&id, MessageStatus::Sent).await;
    shop.assert_everybody_has_one(&id).await;
}
