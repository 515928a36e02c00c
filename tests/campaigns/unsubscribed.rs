//! Customers who unsubscribe while a campaign is being sent get nothing more, whatever the views
//! know and however long a worker was stopped.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use commands::CustomerItem;
use domain::{CampaignId, Change, CustomerChanges, CustomerId, MessageId, MessageStatus};
use projections::{Launched, LongRead, reconcile};
use rustix::process::Signal;
use tokio_util::sync::CancellationToken;

use super::Shop;
use crate::support::vendor::ClosedVendor;
use crate::support::wait::until;

/// Customers of each campaign here, sent to at [`RATE`].
const CUSTOMERS: usize = 60;

/// Messages per second: slow enough that most are still queued when people unsubscribe.
const RATE: u32 = 20;

/// How long after an acknowledged unsubscription a request may still begin. The heads are read at
/// most 200 ms before; the rest is for a busy machine.
const BOUND: Duration = Duration::from_secs(1);

/// Unsubscribes everybody whom the vendor has no message for. Returns them, and when that was
/// acknowledged.
async fn unsubscribe_the_rest(
    shop: &mut Shop,
    campaign: &CampaignId,
) -> (Vec<CustomerId>, DateTime<Utc>) {
    let sent = shop.vendor.sent().await;
    let is_left = |customer: &&CustomerId| !sent.contains_key(&id(campaign, customer));
    let rest: Vec<CustomerId> = shop.customers.iter().filter(is_left).cloned().collect();
    assert!(!rest.is_empty(), "everything was sent already");
    let item = |customer: &CustomerId| CustomerItem {
        customer: customer.clone(),
        changes: CustomerChanges {
            unsubscribed: Change::Set(true),
            ..CustomerChanges::default()
        },
    };
    shop.record(rest.iter().map(item).collect()).await;
    (rest, Utc::now())
}

fn id(campaign: &CampaignId, customer: &CustomerId) -> String {
    let id = MessageId {
        campaign: campaign.clone(),
        customer: customer.clone(),
    };
    id.to_string()
}

/// Waits until nothing is queued, and checks that the vendor took no message to any of these
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
        .filter_map(|customer| sent.get_key_value(&id(campaign, customer)))
        .filter(|(_, sent)| sent.accepted_at > deadline)
        .collect();
    assert!(late.is_empty(), "{} too late: {late:?}", late.len());
}

/// Waits until nothing is queued, and checks that no request began later than [`BOUND`] after its
/// customer had unsubscribed, by the log.
async fn assert_reconciled(shop: &Shop, campaign: &CampaignId) {
    until("nothing is queued", async || {
        let counts = shop.counts(campaign).await;
        !counts.contains_key(&MessageStatus::Queued)
    })
    .await;
    let counts = shop.counts(campaign).await;
    assert!(counts.contains_key(&MessageStatus::Suppressed));
    let head = shop.head(campaign).await;
    let launched = Launched::of(campaign.clone(), &head).unwrap();
    let reading = LongRead::default();
    let reconciled = reconcile(&shop.store, shop.commands.log(), &launched, &reading).await;
    assert_eq!(reconciled.unwrap().discrepancies, []);
}

#[tokio::test]
async fn an_unsubscribed_customer_gets_nothing_though_the_view_of_customers_is_lost() {
    let mut shop = Shop::with(CUSTOMERS).await;
    shop.work([]);
    let campaign = shop.launched(Some(RATE)).await;
    until("some are sent", async || shop.vendor.requests().await > 5).await;
    let customers = shop.store.collection("customers", 1);
    customers.drop().await.unwrap();
    let (unsubscribed, acknowledged) = unsubscribe_the_rest(&mut shop, &campaign).await;
    assert_nothing_after(&shop, &campaign, &unsubscribed, acknowledged + BOUND).await;
}

#[tokio::test]
async fn a_worker_that_was_stopped_reads_the_heads_again_before_it_sends() {
    let mut shop = Shop::with(CUSTOMERS).await;
    shop.work([]);
    let campaign = shop.launched(Some(RATE)).await;
    until("some are sent", async || shop.vendor.requests().await > 5).await;
    shop.workers[0].signal(Signal::STOP);
    unsubscribe_the_rest(&mut shop, &campaign).await;
    // Only what begins later than that is a discrepancy. When the vendor takes messages says less:
    // a request may have begun right before the worker was stopped, and be written right after.
    tokio::time::sleep(BOUND).await;
    shop.workers[0].signal(Signal::CONT);
    assert_reconciled(&shop, &campaign).await;
}

/// The vendor's queue of connections is full until everybody has unsubscribed.
#[tokio::test]
async fn a_customer_who_unsubscribes_while_the_vendor_is_connected_to_gets_nothing() {
    let vendor = ClosedVendor::start().await;
    let mut shop = Shop::with(3).await;
    shop.work_for(&vendor.url, []);
    let campaign = shop.launched(None).await;
    until("all requests wait for connections", async || {
        vendor.connecting() == 3
    })
    .await;
    unsubscribe_the_rest(&mut shop, &campaign).await;
    let stop = CancellationToken::new();
    let receiving = vendor.open(stop.clone());
    shop.until_all(&campaign, MessageStatus::Suppressed).await;
    shop.workers.clear();
    stop.cancel();
    let received = receiving.await.unwrap();
    assert!(!received.contains("example.com"), "{received}");
}
