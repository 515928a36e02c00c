//! Messages are sent to the vendor in batches, and each message has an outcome of its own.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::response::IntoResponse;
use domain::{CampaignId, MessageStatus, Subject};
use eventlog::Role;
use projections::messages::MessageDocument;
use serde_json::{Value, json};

use super::Shop;
use crate::support::scripted_vendor::{ScriptedVendor, accepted, all_accepted, results, status};
use crate::support::wait::{eventually, until};

const SECOND: Duration = Duration::from_secs(1);

/// The window in which arrivals at the vendor are counted against a rate per second. It is shorter
/// than a second since requests take more or less time to arrive on a busy machine.
const WITHIN: Duration = Duration::from_millis(800);

/// Reports whether the message is addressed to this customer.
fn is_to(message: &Value, customer: usize) -> bool {
    message["to"] == format!("c{customer}@example.com")
}

/// Returns the message to a customer from the view, once the view shows this status.
async fn message_in_view(
    shop: &Shop,
    campaign: &CampaignId,
    customer: usize,
    status: MessageStatus,
) -> MessageDocument {
    let id = &shop.message_ids(campaign)[customer];
    eventually("the view shows the message's status", async || {
        let message = shop.store.message(id).await.unwrap()?;
        (message.status == status).then_some(message)
    })
    .await
}

/// Returns the problem of each failed attempt of a customer's message, from the log, oldest first.
async fn attempt_problems(shop: &Shop, campaign: &CampaignId, customer: usize) -> Vec<String> {
    let subject = Subject::Message(shop.customers[customer].clone(), campaign.clone());
    let log = shop.commands.log();
    let key = log.layout().key(subject.to_string(), subject.route());
    let history = log.history(&key).await.unwrap();
    let attempts = history
        .iter()
        .filter(|entry| &*entry.tag == "message_attempted.1");
    let problem = |data: &str| {
        let data: Value = serde_json::from_str(data).unwrap();
        data["problem"].as_str().unwrap().to_owned()
    };
    attempts.map(|entry| problem(&entry.data)).collect()
}

/// Waits until one message is undeliverable and all others are sent.
async fn until_all_but_one_are_sent(shop: &Shop, campaign: &CampaignId) {
    let expected = BTreeMap::from([
        (MessageStatus::Sent, shop.customers.len() - 1),
        (MessageStatus::Undeliverable, 1),
    ]);
    until(
        "one message is undeliverable, all others are sent",
        async || shop.status_counts(campaign).await == expected,
    )
    .await;
}

/// Returns the number of failed attempts of each message, from the heads.
async fn failed_attempts(shop: &Shop, campaign: &CampaignId) -> Vec<u32> {
    let ids = shop.message_ids(campaign);
    let messages = shop.commands.messages(&ids).await.unwrap();
    messages.iter().map(|message| message.attempts()).collect()
}

/// Returns the largest number of messages that arrived within any [`WITHIN`].
fn most_within(mut arrivals: Vec<(Duration, usize)>) -> usize {
    arrivals.sort();
    let from = |at: usize| {
        let (first, _) = arrivals[at];
        let within = arrivals[at..]
            .iter()
            .take_while(|(at, _)| *at < first + WITHIN);
        within.map(|(_, count)| count).sum::<usize>()
    };
    (0..arrivals.len()).map(from).max().unwrap_or_default()
}

#[tokio::test]
async fn a_request_carries_up_to_a_hundred_messages_and_each_is_sent_once() {
    let mut shop = Shop::with_customers(250).await;
    shop.add_worker([]);
    let id = shop.launch_to_everybody(None).await;
    shop.until_all(&id, MessageStatus::Sent).await;
    shop.assert_one_message_each(&[&id]).await;
    let sent = shop.vendor.sent().await;
    assert!(sent.values().all(|sent| sent.requested == 1), "{sent:?}");
    let requests = shop.vendor.request_count().await;
    // At least three requests are needed for 250 messages. There may be more, because the view may
    // show only some of the messages when the first request is made.
    assert!((3..50).contains(&requests), "{requests} requests");
}

#[tokio::test]
async fn a_single_message_is_sent_at_once_as_an_array_of_one() {
    let vendor = ScriptedVendor::start(|_, messages| all_accepted(messages)).await;
    let mut shop = Shop::with_customers(1).await;
    shop.add_worker_for(&vendor.url, []);
    let id = shop.launch_to_everybody(None).await;
    shop.until_all(&id, MessageStatus::Sent).await;
    let requests = vendor.requests();
    assert_eq!(requests.len(), 1);
    let expected = json!({
        "message_id": shop.message_ids(&id)[0].to_string(),
        "to": "c0@example.com",
        "content": {"text": "Hi Customer 0"},
        "callback_url": "http://127.0.0.1:9/api/delivery/receipt",
    });
    assert_eq!(requests[0].messages, [expected]);
}

#[tokio::test]
async fn deferred_and_in_doubt_messages_are_accepted_once() {
    let mut shop = Shop::with_customers(200).await;
    let settings = json!({"deferred_rate": 0.3, "deferred_retry_after_s": 0, "in_doubt_rate": 0.3});
    shop.vendor.configure(settings).await;
    shop.add_worker(["--delivery-attempts", "50"]);
    let id = shop.launch_to_everybody(None).await;
    shop.until_all(&id, MessageStatus::Sent).await;
    shop.assert_one_message_each(&[&id]).await;
    let sent = shop.vendor.sent().await;
    let repeated = sent.values().filter(|sent| sent.requested > 1).count();
    assert!(
        repeated > 0,
        "the vendor had accepted no message that was in doubt"
    );
    let failed = failed_attempts(&shop, &id).await;
    assert!(failed.iter().any(|attempts| *attempts > 0), "{failed:?}");
}

/// The first response has a different result for each message, the second accepts all.
#[tokio::test]
async fn each_result_applies_to_its_own_message() {
    let vendor = ScriptedVendor::start(|number, messages| {
        if number > 0 {
            return all_accepted(messages);
        }
        let mut all: Vec<Value> = messages.iter().map(accepted).collect();
        all[1] = json!({"message_id": all[1]["message_id"], "outcome": "refused",
            "reason": "mailbox-full"});
        all[2] = json!({"message_id": all[2]["message_id"], "outcome": "deferred",
            "retry_after": 1, "reason": "greylisted"});
        all[3] = json!({"message_id": all[3]["message_id"], "outcome": "in_doubt"});
        all[4] = json!({"message_id": all[4]["message_id"], "outcome": "thrown_away"});
        all[5]["vendor_message_id"] = Value::Null;
        all[6] = all[0].clone();
        all[7] = json!("nonsense");
        let differs = json!({"message_id": all[8]["message_id"], "outcome": "refused"});
        all.push(differs);
        // Results are matched by message id, not by position.
        all.reverse();
        results(all)
    })
    .await;
    let mut shop = Shop::with_customers(10).await;
    // Launched before the worker starts, so that all messages are in the first request.
    let id = shop.launch_to_everybody(None).await;
    shop.add_worker_for(&vendor.url, ["--delivery-attempts", "3"]);
    let expected = BTreeMap::from([(MessageStatus::Sent, 9), (MessageStatus::Rejected, 1)]);
    until("every message has its final status", async || {
        shop.status_counts(&id).await == expected
    })
    .await;
    assert_eq!(vendor.batch_sizes()[0], 10, "{:?}", vendor.batch_sizes());
    let refused = message_in_view(&shop, &id, 1, MessageStatus::Rejected).await;
    assert_eq!(
        refused.problem.as_deref(),
        Some("answered refused: mailbox-full")
    );
    let failed = failed_attempts(&shop, &id).await;
    assert_eq!(failed, [0, 1, 1, 1, 1, 1, 1, 1, 1, 0]);
    for (customer, problem) in [
        (2, "answered deferred: greylisted"),
        (3, "answered in_doubt"),
        (4, "answered with an unknown outcome for the message"),
        (5, "answered accepted without an id for the message"),
        (6, "answered 200 OK without a result for the message"),
        (7, "answered 200 OK without a result for the message"),
        (
            8,
            "answered 200 OK with results for the message that differ",
        ),
    ] {
        assert_eq!(attempt_problems(&shop, &id, customer).await, [problem]);
    }
}

#[tokio::test]
async fn a_malformed_response_is_a_failed_attempt_of_each_message() {
    let vendor = ScriptedVendor::start(|number, messages| match number {
        0 => axum::Json(json!({"vendor_message_id": "vm_1"})).into_response(),
        _ => all_accepted(messages),
    })
    .await;
    let mut shop = Shop::with_customers(20).await;
    let id = shop.launch_to_everybody(None).await;
    shop.add_worker_for(&vendor.url, []);
    shop.until_all(&id, MessageStatus::Sent).await;
    let problem = "answered 200 OK without an array of results";
    assert_eq!(attempt_problems(&shop, &id, 0).await, [problem]);
    let first = vendor.batch_sizes()[0];
    let failed = failed_attempts(&shop, &id).await;
    assert_eq!(failed.iter().sum::<u32>() as usize, first, "{failed:?}");
}

#[tokio::test]
async fn a_refused_batch_is_resent_one_message_at_a_time() {
    for refusal in [400, 413, 422] {
        let vendor = ScriptedVendor::start(move |_, messages| {
            match messages.iter().any(|message| is_to(message, 7)) {
                true => status(refusal),
                false => all_accepted(messages),
            }
        })
        .await;
        let mut shop = Shop::with_customers(30).await;
        let id = shop.launch_to_everybody(None).await;
        shop.add_worker_for(&vendor.url, []);
        until_all_but_one_are_sent(&shop, &id).await;
        let refused = message_in_view(&shop, &id, 7, MessageStatus::Undeliverable).await;
        let problem = format!("answered {refusal}");
        assert_eq!(refused.problem, Some(problem));
        let mut failed = failed_attempts(&shop, &id).await;
        assert_eq!(failed.remove(7), 1);
        assert!(failed.iter().all(|attempts| *attempts == 0), "{failed:?}");
        let sizes = vendor.batch_sizes();
        let (batches, single): (Vec<usize>, Vec<usize>) = sizes.iter().partition(|size| **size > 1);
        assert!(!batches.is_empty() && !single.is_empty(), "{sizes:?}");
        let requested: usize = sizes.iter().sum();
        assert_eq!(requested, 30 + batches.iter().max().unwrap(), "{sizes:?}");
    }
}

/// Statuses that concern the vendor as a whole say nothing about single messages.
#[tokio::test]
async fn a_status_about_the_vendor_does_not_split_a_batch() {
    for refusal in [401, 403, 404, 405, 429, 500, 502, 503] {
        let refuses = Arc::new(AtomicBool::new(true));
        let vendor = ScriptedVendor::start({
            let refuses = refuses.clone();
            move |_, messages| match refuses.load(Ordering::Relaxed) {
                true => status(refusal),
                false => all_accepted(messages),
            }
        })
        .await;
        let mut shop = Shop::with_customers(50).await;
        let id = shop.launch_to_everybody(None).await;
        shop.add_worker_for(&vendor.url, ["--delivery-attempts", "50"]);
        until("a second request is refused", async || {
            vendor.requests().len() > 1
        })
        .await;
        refuses.store(false, Ordering::Relaxed);
        shop.until_all(&id, MessageStatus::Sent).await;
        // Probes have one message, and messages that failed are due again at different times.
        let requests = vendor.requests().len();
        assert!(requests < 25, "{refusal}: {:?}", vendor.batch_sizes());
        let failed = failed_attempts(&shop, &id).await;
        let costs_no_attempt = matches!(refusal, 401 | 403 | 404 | 405 | 429);
        let none_failed = failed.iter().all(|attempts| *attempts == 0);
        assert_eq!(costs_no_attempt, none_failed, "{refusal}: {failed:?}");
        // Failed attempts back off separately, so a message may be the only one that is due.
        let single = vendor.batch_sizes().into_iter().filter(|size| *size == 1);
        assert!(
            !costs_no_attempt || single.count() <= 3,
            "{:?}",
            vendor.batch_sizes()
        );
    }
}

/// Only the message that makes the vendor refuse its batch becomes undeliverable.
#[tokio::test]
async fn a_message_that_is_always_refused_is_isolated_from_its_batch() {
    // In the last case all messages share one batch, and the refused message is its first.
    for (answer, customers, never) in [(404, 250, 123), (500, 250, 123), (404, 20, 0)] {
        let vendor = ScriptedVendor::start(move |_, messages| {
            match messages.iter().any(|message| is_to(message, never)) {
                true => status(answer),
                false => all_accepted(messages),
            }
        })
        .await;
        let mut shop = Shop::with_customers(customers).await;
        let id = shop.launch_to_everybody(None).await;
        shop.add_worker_for(&vendor.url, []);
        until_all_but_one_are_sent(&shop, &id).await;
        let sizes = vendor.batch_sizes();
        assert!(sizes.len() < 100, "{sizes:?}");
        let problem = message_in_view(&shop, &id, never, MessageStatus::Undeliverable)
            .await
            .problem;
        assert!(problem.unwrap().starts_with(&format!("answered {answer}")));
    }
}

#[tokio::test]
async fn batches_stay_within_the_campaign_rate() {
    const RATE: u32 = 50;
    let mut shop = Shop::with_customers(200).await;
    shop.add_worker([]);
    let start = Instant::now();
    let id = shop.launch_to_everybody(Some(RATE)).await;
    shop.until_all(&id, MessageStatus::Sent).await;
    assert!(start.elapsed() > 3 * SECOND, "{:?}", start.elapsed());
    let sent = shop.vendor.sent().await;
    let first = sent.values().map(|sent| sent.accepted_at).min().unwrap();
    let arrivals = sent
        .values()
        .map(|sent| ((sent.accepted_at - first).to_std().unwrap(), 1))
        .collect();
    let most = most_within(arrivals);
    assert!(most <= RATE as usize, "{most}");
    let requests = shop.vendor.request_count().await;
    assert!((20..100).contains(&requests), "{requests} requests");
}

/// The messages of refused batches do not pile up, even if the vendor refuses every batch.
#[tokio::test]
async fn only_one_refused_batch_at_a_time_is_resent_one_by_one() {
    const REQUESTS: usize = 2;
    let waiting = Arc::new(Mutex::new(BTreeSet::new()));
    let most_waiting = Arc::new(AtomicUsize::new(0));
    let vendor = ScriptedVendor::start({
        let most_waiting = most_waiting.clone();
        move |_, messages| {
            let mut waiting = waiting.lock().unwrap();
            let ids = messages.iter().map(|one| one["message_id"].to_string());
            if messages.len() == 1 {
                for id in ids {
                    waiting.remove(&id);
                }
                return all_accepted(messages);
            }
            waiting.extend(ids);
            most_waiting.fetch_max(waiting.len(), Ordering::Relaxed);
            status(413)
        }
    })
    .await;
    let mut shop = Shop::with_customers(600).await;
    let id = shop.launch_to_everybody(None).await;
    let requests = REQUESTS.to_string();
    shop.add_worker_for(&vendor.url, ["--delivery-concurrency", &requests]);
    shop.until_all(&id, MessageStatus::Sent).await;
    let sizes = vendor.batch_sizes();
    assert!(sizes.iter().filter(|size| **size > 1).count() > REQUESTS);
    // No batch starts while a refused batch waits. Batches that were in flight by then can be
    // refused too, and the last single requests of the previous batch may not have arrived yet.
    let bound = REQUESTS * 100 + REQUESTS;
    let most_waiting = most_waiting.load(Ordering::Relaxed);
    assert!(most_waiting <= bound, "{most_waiting}: {sizes:?}");
    let failed = failed_attempts(&shop, &id).await;
    assert!(failed.iter().all(|attempts| *attempts == 0), "{failed:?}");
}

/// Asserts that the vendor never received more than `rate` messages within [`WITHIN`].
fn assert_stays_within(rate: u32, vendor: &ScriptedVendor) {
    let requests = vendor.requests();
    let first = requests[0].at;
    let arrivals = requests
        .iter()
        .map(|request| (request.at - first, request.messages.len()))
        .collect();
    let most = most_within(arrivals);
    assert!(most <= rate as usize, "{most}: {:?}", vendor.batch_sizes());
}

#[tokio::test]
async fn messages_resent_one_by_one_count_toward_the_rate() {
    const RATE: u32 = 40;
    let vendor = ScriptedVendor::start(|_, messages| match messages.len() {
        1 => all_accepted(messages),
        _ => status(413),
    })
    .await;
    let mut shop = Shop::with_customers(80).await;
    let id = shop.launch_to_everybody(Some(RATE)).await;
    shop.add_worker_for(&vendor.url, []);
    shop.until_all(&id, MessageStatus::Sent).await;
    assert_stays_within(RATE, &vendor);
}

#[tokio::test]
async fn all_workers_share_the_rate_of_a_campaign() {
    const RATE: u32 = 60;
    let vendor = ScriptedVendor::start(|_, messages| all_accepted(messages)).await;
    let mut shop = Shop::with_customers(240).await;
    for _ in 0..2 {
        shop.add_worker_for(&vendor.url, []);
    }
    until("both workers own partitions", async || {
        let sending = shop.commands.log().members(Role::Send).await.unwrap();
        let owners: HashSet<&String> = sending.owners.values().collect();
        sending.owners.len() == shop.commands.log().partitions().len() && owners.len() == 2
    })
    .await;
    let id = shop.launch_to_everybody(Some(RATE)).await;
    shop.until_all(&id, MessageStatus::Sent).await;
    assert_stays_within(RATE, &vendor);
    assert_eq!(
        vendor.batch_sizes().iter().sum::<usize>(),
        240,
        "each message is sent once"
    );
}

#[tokio::test]
async fn customers_who_unsubscribe_during_sending_are_in_no_later_batch() {
    let vendor = ScriptedVendor::start(|_, messages| all_accepted(messages)).await;
    let mut shop = Shop::with_customers(60).await;
    shop.add_worker_for(&vendor.url, []);
    let id = shop.launch_to_everybody(Some(20)).await;
    until("some are sent", async || vendor.requests().len() > 2).await;
    let leaving: Vec<_> = shop.customers[40..].iter().step_by(2).cloned().collect();
    let unsubscribe = |customer| super::unsubscribed::unsubscription(customer);
    shop.record(leaving.iter().map(unsubscribe).collect()).await;
    let expected = BTreeMap::from([(MessageStatus::Sent, 50), (MessageStatus::Suppressed, 10)]);
    until("every message has its final status", async || {
        shop.status_counts(&id).await == expected
    })
    .await;
    let requests = vendor.requests();
    let written = requests.iter().flat_map(|request| &request.messages);
    let written: Vec<&Value> = written.collect();
    assert_eq!(written.len(), 50);
    for customer in (40..60).step_by(2) {
        assert!(!written.iter().any(|message| is_to(message, customer)));
    }
}

/// A request that times out leaves all its messages in doubt: the vendor may have accepted them.
#[tokio::test]
async fn a_batch_without_a_response_is_resent_with_the_same_ids() {
    let mut shop = Shop::with_customers(40).await;
    shop.vendor
        .configure(json!({"latency_ms": {"min": 60_000, "max": 60_000}}))
        .await;
    let id = shop.launch_to_everybody(None).await;
    shop.add_worker(["--delivery-timeout", "500ms", "--delivery-attempts", "50"]);
    until(
        "the vendor has every message, and every attempt has timed out",
        async || {
            shop.vendor.sent().await.len() == 40
                && failed_attempts(&shop, &id).await.iter().all(|n| *n > 0)
        },
    )
    .await;
    shop.vendor
        .configure(json!({"latency_ms": {"min": 0, "max": 0}}))
        .await;
    shop.until_all(&id, MessageStatus::Sent).await;
    shop.assert_one_message_each(&[&id]).await;
    let problems = attempt_problems(&shop, &id, 0).await;
    assert_eq!(problems[0], "did not answer in time");
}

#[tokio::test]
async fn a_deferred_message_is_not_resent_before_retry_after() {
    let deferred_at = Arc::new(Mutex::new(None));
    let vendor = ScriptedVendor::start({
        let deferred_at = deferred_at.clone();
        move |_, messages| {
            let mut deferred_at = deferred_at.lock().unwrap();
            if deferred_at.is_some() {
                return all_accepted(messages);
            }
            *deferred_at = Some(Instant::now());
            let later = |message: &Value| {
                json!({"message_id": message["message_id"], "outcome": "deferred",
                    "retry_after": 0.4})
            };
            results(messages.iter().map(later).collect())
        }
    })
    .await;
    let mut shop = Shop::with_customers(1).await;
    shop.add_worker_for(&vendor.url, []);
    let id = shop.launch_to_everybody(None).await;
    shop.until_all(&id, MessageStatus::Sent).await;
    let requests = vendor.requests();
    assert_eq!(requests.len(), 2);
    let waited = requests[1].at - deferred_at.lock().unwrap().unwrap();
    assert!(waited >= Duration::from_millis(400), "{waited:?}");
}
