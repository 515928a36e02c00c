//! Queries of the view `messages`.

use std::collections::HashMap;

use commands::Context;
use domain::{CampaignId, DeliveryAttempt, MessageCommand, MessageId, MessageStatus, Suppression};
use eventlog::Partition;
use mongodb::bson::{DateTime, doc};
use projections::messages::{DueMessages, MessageDocument};
use projections::{PageRequest, Store};

use super::project_all;
use crate::support::deployment::Deployment;
use crate::support::shop::{context, email_content, message_id, minute, receipt, text};

fn queue() -> MessageCommand {
    MessageCommand::Queue(email_content("ada@example.com"))
}

fn sent() -> MessageCommand {
    MessageCommand::RecordSent(text("v-1").into())
}

/// Executes commands on messages at a minute, all of which must succeed, and folds their events.
async fn record(deployment: &Deployment, at: i64, steps: Vec<(MessageId, MessageCommand)>) {
    let context = Context {
        now: minute(at),
        ..context()
    };
    let done = deployment
        .commands
        .execute_on_messages(&context, steps)
        .await;
    assert!(done.unwrap().iter().all(Result::is_ok));
    project_all(deployment).await;
}

fn customers<'a>(messages: impl IntoIterator<Item = &'a MessageDocument>) -> Vec<&'a str> {
    let customer = |message: &'a MessageDocument| message.customer_id.as_str();
    messages.into_iter().map(customer).collect()
}

/// Returns a deployment in which campaign 1 has messages to seven customers, and its neighbors to
/// others. `c-1` is sent, `c-3` is suppressed, and `c-5` is retried in minute 5.
async fn with_messages() -> Deployment {
    let deployment = Deployment::fresh().await.prepared().await;
    let mut steps = vec![(message_id(0, "z"), queue()), (message_id(2, "a"), queue())];
    let ids = ["c-0", "c-1", "C-2", "c-3", "c_4", "c-5", "c-6"];
    steps.extend(ids.map(|id| (message_id(1, id), queue())));
    let attempt = DeliveryAttempt {
        number: 1,
        problem: text("503"),
        retry_at: minute(5),
    };
    let unsubscribed = MessageCommand::Suppress(Suppression::Unsubscribed);
    steps.extend([
        (message_id(1, "c-1"), sent()),
        (message_id(1, "c-3"), unsubscribed),
        (message_id(1, "c-5"), MessageCommand::RecordAttempt(attempt)),
    ]);
    record(&deployment, 0, steps).await;
    deployment
}

const ALL: [&str; 7] = ["C-2", "c-0", "c-1", "c-3", "c-5", "c-6", "c_4"];

async fn listed(store: &Store, status: Option<MessageStatus>) -> Vec<String> {
    let mut page = PageRequest {
        limit: 2,
        cursor: None,
    };
    let mut found = Vec::new();
    loop {
        let part = store.messages(&1.into(), status, &page).await.unwrap();
        found.extend(customers(&part.items).into_iter().map(str::to_owned));
        page.cursor = part.next_cursor;
        if page.cursor.is_none() {
            return found;
        }
    }
}

#[tokio::test]
async fn messages_of_a_campaign_are_listed_by_customer() {
    let deployment = with_messages().await;
    let store = &deployment.store;
    assert_eq!(listed(store, None).await, ALL);
    let queued = listed(store, Some(MessageStatus::Queued)).await;
    assert_eq!(queued, ["C-2", "c-0", "c-5", "c-6", "c_4"]);
    let delivered = listed(store, Some(MessageStatus::Delivered)).await;
    assert_eq!(delivered, [""; 0]);
    let id = message_id(1, "c-3");
    let one = store.message(&id).await.unwrap().unwrap();
    assert_eq!((one.id(), one.status), (id, MessageStatus::Suppressed));
    assert_eq!(store.message(&message_id(1, "c-9")).await.unwrap(), None);
}

#[tokio::test]
async fn a_queued_message_is_due_at_its_retry_time() {
    let deployment = with_messages().await;
    let (store, id) = (&deployment.store, CampaignId::from(1));
    let all: Vec<Partition> = deployment.log.partitions().collect();
    let due_in = async |partitions: &[Partition], at, after: Option<&str>, limit| {
        let due = DueMessages {
            campaign: &id,
            partitions,
            now: minute(at),
            latest: minute(at + 2),
        };
        store.messages_due(&due, after, limit).await.unwrap()
    };
    let due = async |at, after: Option<&str>, limit| due_in(&all, at, after, limit).await;
    let early = due(4, None, 10).await;
    assert_eq!(customers(&early), ["C-2", "c-0", "c-6", "c_4"]);
    let first = due(5, None, 3).await;
    assert_eq!(customers(&first), ["C-2", "c-0", "c-5"]);
    let rest = due(5, Some(&first[2].message_id), 3).await;
    assert_eq!(customers(&rest), ["c-6", "c_4"]);
    // A retry time beyond `latest` can only come from a clock that was set back since.
    let clock_set_back = due(1, None, 10).await;
    assert_eq!(
        customers(&clock_set_back),
        ["C-2", "c-0", "c-5", "c-6", "c_4"]
    );
    let mut of_each: Vec<MessageDocument> = Vec::new();
    for partition in &all {
        of_each.extend(due_in(&[*partition], 5, None, 10).await);
    }
    of_each.sort_by(|a, b| a.message_id.cmp(&b.message_id));
    assert_eq!(customers(&of_each), ["C-2", "c-0", "c-5", "c-6", "c_4"]);
}

#[tokio::test]
async fn messages_are_found_by_status() {
    let deployment = with_messages().await;
    let (store, id) = (&deployment.store, CampaignId::from(1));
    let ended = [MessageStatus::Sent, MessageStatus::Suppressed];
    let found = store.messages_with(&id, &ended, None, 10).await.unwrap();
    assert_eq!(found, [message_id(1, "c-1"), message_id(1, "c-3")]);
    let after = found[0].to_string();
    let more = store.messages_with(&id, &ended, Some(&after), 10).await;
    assert_eq!(more.unwrap(), [message_id(1, "c-3")]);
    let few = store.messages_with(&id, &MessageStatus::ALL, None, 2).await;
    assert_eq!(few.unwrap(), [message_id(1, "C-2"), message_id(1, "c-0")]);
}

#[tokio::test]
async fn recent_messages_are_counted_per_customer() {
    let deployment = Deployment::fresh().await.prepared().await;
    let give_up = || MessageCommand::GiveUp(text("too often"));
    let cancelled = MessageCommand::Suppress(Suppression::Cancelled);
    record(
        &deployment,
        0,
        vec![
            (message_id(0, "c-1"), queue()),
            (message_id(0, "c-2"), queue()),
        ],
    )
    .await;
    let steps = vec![
        (message_id(1, "c-1"), queue()),
        (message_id(1, "c-1"), sent()),
        (message_id(2, "c-1"), queue()),
        (message_id(3, "c-1"), queue()),
        (message_id(3, "c-1"), cancelled),
        (message_id(4, "c-1"), queue()),
        (message_id(4, "c-1"), give_up()),
        (message_id(1, "c-3"), queue()),
    ];
    record(&deployment, 10, steps).await;
    let counted = async |since| {
        let found = deployment
            .store
            .sent_since(&["c-1", "c-2", "c-4"], minute(since));
        found.await.unwrap()
    };
    let expected = |counts: &[(&str, u64)]| -> HashMap<String, u64> {
        counts
            .iter()
            .map(|(id, n)| ((*id).to_owned(), *n))
            .collect()
    };
    assert_eq!(counted(0).await, expected(&[("c-1", 3), ("c-2", 1)]));
    assert_eq!(counted(10).await, expected(&[("c-1", 2)]));
    assert_eq!(counted(11).await, expected(&[]));
    let again = vec![(message_id(4, "c-1"), MessageCommand::Requeue)];
    record(&deployment, 20, again).await;
    assert_eq!(counted(11).await, expected(&[("c-1", 1)]));
}

#[tokio::test]
async fn a_timeline_has_the_messages_of_its_customer() {
    let deployment = with_messages().await;
    let all = PageRequest {
        limit: 10,
        cursor: None,
    };
    let customer = "c-1".try_into().unwrap();
    let timeline = deployment.store.timeline(&deployment.log, &customer, &all);
    let page = timeline.await.unwrap();
    let events: Vec<_> = page
        .items
        .iter()
        .map(|row| (&*row.entry.tag, &*row.entry.key))
        .collect();
    let key = "message/c-1/cmp_00000000000000000000000000000001";
    assert_eq!(events, [("message_sent.1", key), ("message_queued.1", key)]);
}

#[tokio::test]
async fn campaigns_without_messages_have_zero_stats() {
    let deployment = with_messages().await;
    let ids = [1, 2, 9].map(CampaignId::from);
    let wanted: Vec<&CampaignId> = ids.iter().collect();
    let all = deployment.store.campaign_stats(&wanted).await.unwrap();
    let audience = ids.each_ref().map(|id| all[id].audience());
    assert_eq!(audience, [7, 1, 0]);
    let one = &all[&ids[0]];
    assert_eq!(
        (one.pending(), one.sent(), one.suppressed(), one.attempts),
        (5, 1, 1, 1)
    );
}

/// The messages that await a receipt are found by the time of their sending, in an index that has
/// no others.
#[tokio::test]
async fn messages_that_await_a_receipt_are_found_in_an_index() {
    let deployment = Deployment::fresh().await.prepared().await;
    let store = &deployment.store;
    assert_eq!(store.first_awaiting_receipt().await.unwrap(), None);
    let mut expected = Vec::new();
    for n in 0..30 {
        let id = message_id(n % 3, &format!("c-{n:02}"));
        let mut steps = vec![(id.clone(), queue()), (id.clone(), sent())];
        match n % 3 {
            0 => expected.push(id),
            1 => {
                let delivered = MessageCommand::RecordReceipt(receipt("v-1", None, minute(90)));
                steps.push((id, delivered));
            }
            _ => drop(steps.pop()),
        }
        record(&deployment, 30 - i64::try_from(n).unwrap(), steps).await;
    }
    expected.reverse();
    let due = store.messages_awaiting_receipt(minute(25), 4).await;
    assert_eq!(due.unwrap(), expected[..4]);
    let due = store.messages_awaiting_receipt(minute(25), 100).await;
    assert_eq!(due.unwrap(), expected[..8], "the others were sent later");
    let first = store.first_awaiting_receipt().await.unwrap();
    assert_eq!(first, Some(minute(3)));

    let due =
        doc! {"status": "sent", "sent_at": {"$lt": DateTime::from_millis(minute(25).millis())}};
    let find = doc! {"find": "messages_g1", "filter": due, "sort": {"sent_at": 1}, "limit": 4};
    let explain = doc! {"explain": find, "verbosity": "executionStats"};
    let explained = store.database().run_command(explain).await.unwrap();
    let stats = explained.get_document("executionStats").unwrap();
    assert_eq!(stats.get_i32("totalDocsExamined").unwrap(), 4);
    assert_eq!(stats.get_i32("totalKeysExamined").unwrap(), 4);
}
