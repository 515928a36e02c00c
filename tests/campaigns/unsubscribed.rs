//! Customers who unsubscribe while a campaign is being sent get nothing more, even if the views are
//! behind or a worker was suspended.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use commands::CustomerRecord;
use domain::{CampaignId, Change, CustomerChanges, CustomerId, MessageId, MessageStatus};
use rustix::process::Signal;
use tokio_util::sync::CancellationToken;

use super::Shop;
use crate::support::vendor::ClosedVendor;
use crate::support::wait::until;

/// Recipients of each campaign, sent to at [`RATE`].
const CUSTOMERS: usize = 60;

/// Messages per second: slow enough that most are still queued when customers unsubscribe.
const RATE: u32 = 20;

/// Time after an acknowledged unsubscription within which a request may still begin. Heads are read
/// at most 200 ms before a request; the rest allows for a busy machine.
const BOUND: Duration = Duration::from_secs(1);

/// Unsubscribes every customer for whom the vendor has no message. Returns these customers, and the
/// time at which that was acknowledged.
async fn unsubscribe_the_rest(
    shop: &mut Shop,
    campaign: &CampaignId,
) -> (Vec<CustomerId>, DateTime<Utc>) {
    let sent = shop.vendor.sent().await;
    let is_unsent = |customer: &&CustomerId| !sent.contains_key(&message_id(campaign, customer));
    let rest: Vec<CustomerId> = shop.customers.iter().filter(is_unsent).cloned().collect();
    assert!(!rest.is_empty(), "every message was sent already");
    shop.record(rest.iter().map(unsubscription).collect()).await;
    (rest, Utc::now())
}

/// Update that unsubscribes the customer.
pub(super) fn unsubscription(customer: &CustomerId) -> CustomerRecord {
    CustomerRecord {
        customer: customer.clone(),
        changes: CustomerChanges {
            unsubscribed: Change::Set(true),
            ..CustomerChanges::default()
        },
    }
}

fn message_id(campaign: &CampaignId, customer: &CustomerId) -> String {
    let id = MessageId {
        campaign: campaign.clone(),
        customer: customer.clone(),
    };
    id.to_string()
}

/// Waits until nothing is queued, and asserts that the vendor accepted no message to any of these
/// customers after `deadline`.
async fn assert_nothing_after(
    shop: &Shop,
    campaign: &CampaignId,
    unsubscribed: &[CustomerId],
    deadline: DateTime<Utc>,
) {
    assert_reconciled(shop, campaign).await;
    let sent = shop.vendor.sent().await;
    let late: BTreeMap<_, _> = unsubscribed
        .iter()
        .filter_map(|customer| sent.get_key_value(&message_id(campaign, customer)))
        .filter(|(_, sent)| sent.accepted_at > deadline)
        .collect();
    assert!(late.is_empty(), "{} too late: {late:?}", late.len());
}

/// Waits until nothing is queued, and asserts by the log that no request began later than [`BOUND`]
/// after its customer had unsubscribed.
async fn assert_reconciled(shop: &Shop, campaign: &CampaignId) {
    until("no message is queued", async || {
        let counts = shop.status_counts(campaign).await;
        !counts.contains_key(&MessageStatus::Queued)
    })
    .await;
    let counts = shop.status_counts(campaign).await;
    assert!(counts.contains_key(&MessageStatus::Suppressed));
    assert_eq!(shop.reconcile(campaign).await.discrepancies, []);
}

#[tokio::test]
async fn unsubscribing_stops_messages_even_if_the_customers_view_is_lost() {
    let mut shop = Shop::with_customers(CUSTOMERS).await;
    shop.add_worker([]);
    let campaign = shop.launch_to_everybody(Some(RATE)).await;
    until("some messages are sent", async || {
        shop.vendor.sent().await.len() > 5
    })
    .await;
    let customers = shop.store.collection("customers", 1);
    customers.drop().await.unwrap();
    let (unsubscribed, acknowledged) = unsubscribe_the_rest(&mut shop, &campaign).await;
    assert_nothing_after(&shop, &campaign, &unsubscribed, acknowledged + BOUND).await;
}

#[tokio::test]
async fn a_suspended_worker_reads_the_heads_again_before_it_sends() {
    let mut shop = Shop::with_customers(CUSTOMERS).await;
    shop.add_worker([]);
    let campaign = shop.launch_to_everybody(Some(RATE)).await;
    until("some messages are sent", async || {
        shop.vendor.sent().await.len() > 5
    })
    .await;
    shop.workers[0].signal(Signal::STOP);
    unsubscribe_the_rest(&mut shop, &campaign).await;
    // Reconciliation reports only requests that began later than this bound. The time at which the
    // vendor accepts a message proves less: a request may have begun right before the worker was
    // suspended, and be written right after it continues.
    tokio::time::sleep(BOUND).await;
    shop.workers[0].signal(Signal::CONT);
    assert_reconciled(&shop, &campaign).await;
}

/// The vendor's queue of connections is full until every customer has unsubscribed.
#[tokio::test]
async fn a_customer_who_unsubscribes_while_the_connection_opens_gets_nothing() {
    let vendor = ClosedVendor::start().await;
    let mut shop = Shop::with_customers(3).await;
    shop.add_worker_for(&vendor.url, []);
    let campaign = shop.launch_to_everybody(None).await;
    until("the request waits for its connection", async || {
        vendor.pending_connections() == 1
    })
    .await;
    unsubscribe_the_rest(&mut shop, &campaign).await;
    let stop = CancellationToken::new();
    let receiving = vendor.accept_connections(stop.clone());
    shop.until_all(&campaign, MessageStatus::Suppressed).await;
    shop.workers.clear();
    stop.cancel();
    let received = receiving.await.unwrap();
    assert!(!received.contains("example.com"), "{received}");
}

/// One of three customers unsubscribes while the vendor's queue of connections is full.
#[tokio::test]
async fn a_batch_leaves_out_customers_who_unsubscribe_while_the_connection_opens() {
    let vendor = ClosedVendor::start().await;
    let mut shop = Shop::with_customers(3).await;
    shop.add_worker_for(&vendor.url, []);
    let campaign = shop.launch_to_everybody(None).await;
    until("the request waits for its connection", async || {
        vendor.pending_connections() == 1
    })
    .await;
    let leaving = shop.customers[1].clone();
    shop.record(vec![unsubscription(&leaving)]).await;
    let stop = CancellationToken::new();
    let receiving = vendor.accept_connections(stop.clone());
    // This vendor never answers, so the attempts for the other two fail and are repeated.
    until(
        "one message is suppressed, the others are attempted",
        async || {
            let ids = shop.message_ids(&campaign);
            let messages = shop.commands.messages(&ids).await.unwrap();
            messages[1].status() == Some(MessageStatus::Suppressed)
                && messages[0].attempts() > 0
                && messages[2].attempts() > 0
        },
    )
    .await;
    shop.workers.clear();
    stop.cancel();
    let received = receiving.await.unwrap();
    assert!(!received.contains("c1@example.com"), "{received}");
    for others in ["c0@example.com", "c2@example.com"] {
        assert!(received.contains(others), "{received}");
    }
}
