//! Faults at random moments, under continuous traffic and campaigns.
//!
//! `PATRON_CRASH_ROUNDS` sets the number of rounds, with one fault each. The test prints its seed,
//! and `PATRON_TEST_SEED` repeats the same faults.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fmt::{self, Display, Formatter};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::task::block_in_place;

use super::continuous_campaigns::{CompletedCampaign, ContinuousCampaigns, RECIPIENTS};
use super::continuous_traffic::{AcknowledgedWrites, ContinuousTraffic};
use super::faults::{Fault, FaultyDeployment};
use super::seed;
use super::traffic::IngestBatch;
use crate::support::campaign::assert_one_message_per_recipient;
use crate::support::process::run;
use crate::support::vendor::SentMessage;
use crate::support::wait::until;

/// Number of rounds unless `PATRON_CRASH_ROUNDS` is set.
const DEFAULT_ROUNDS: usize = 2;

/// Number of rounds after which everything is checked, and the next rounds get a new deployment.
const ROUNDS_PER_DEPLOYMENT: usize = 10;

/// Longest time from the end of one fault to the next fault, in milliseconds.
const MAX_PAUSE_MS: u64 = 2_500;

/// Time after an acknowledged unsubscription within which a message may still begin.
const BOUND: TimeDelta = TimeDelta::seconds(1);

/// Customers of a round's probe: enough for each partition to have one, almost always.
const PROBES: usize = 16;

/// Totals of the checks, over all deployments.
#[derive(Default)]
struct Tally {
    rounds: usize,
    events: usize,
    messages: usize,
    lost: usize,
    duplicated: usize,
    /// Messages beyond the first to an address.
    repeated: usize,
    /// Messages that began more than [`BOUND`] after an acknowledged unsubscription.
    late: usize,
    /// Deployments on which `patron verify` failed.
    unverified: usize,
}

/// Rounds on one deployment.
struct FaultRun {
    deployment: FaultyDeployment,
    traffic: ContinuousTraffic,
    campaigns: ContinuousCampaigns,
    probes: AcknowledgedWrites,
}

#[tokio::test(flavor = "multi_thread")]
async fn no_fault_loses_or_duplicates_an_event_or_sends_an_unwanted_message() {
    let mut random = StdRng::seed_from_u64(seed());
    let rounds = rounds();
    let mut tally = Tally::default();
    let deployments = rounds.div_ceil(ROUNDS_PER_DEPLOYMENT);
    for deployment in 0..deployments {
        let count = rounds / deployments + usize::from(deployment < rounds % deployments);
        // The first deployment has a replica set, so that a run with few rounds uses one: most
        // other crash tests have a single `mongod`.
        let on_set = deployment.is_multiple_of(2);
        let name = format!("rounds_{deployment}");
        let mut run = FaultRun::start(&name, on_set, &mut random).await;
        for fault in Fault::draw(count, on_set, &mut random) {
            run.round(tally.rounds, fault, &mut random).await;
            tally.rounds += 1;
        }
        run.check(&mut tally).await;
    }
}

fn rounds() -> usize {
    let given = env::var("PATRON_CRASH_ROUNDS").ok();
    given.map_or(DEFAULT_ROUNDS, |rounds| {
        rounds.parse().expect("PATRON_CRASH_ROUNDS is a number")
    })
}

impl FaultRun {
    async fn start(name: &str, on_set: bool, random: &mut StdRng) -> Self {
        let deployment = FaultyDeployment::start(name, on_set).await;
        let api = &deployment.app.client;
        let (traffic, campaigns) = (
            ContinuousTraffic::start(api, random.random()),
            ContinuousCampaigns::start(api, random.random()),
        );
        Self {
            deployment,
            traffic,
            campaigns,
            probes: AcknowledgedWrites::default(),
        }
    }

    /// Injects one fault, and waits until orders are accepted and can be read again.
    async fn round(&mut self, round: usize, fault: Fault, random: &mut StdRng) {
        let pause = Duration::from_millis(random.random_range(0..MAX_PAUSE_MS));
        tokio::time::sleep(pause).await;
        eprintln!(
            "round {round}: {fault:?} at {} items acknowledged, {} campaigns completed",
            self.traffic.acknowledged(),
            self.campaigns.completed(),
        );
        let start = Instant::now();
        self.deployment.inject(fault).await;
        let done = start.elapsed();
        let customers: Vec<String> = (0..PROBES).map(|n| format!("p-{round}-{n}")).collect();
        let batch = IngestBatch {
            path: "/api/data/orders",
            items: customers.iter().map(|customer| order(customer)).collect(),
        };
        batch
            .items
            .iter()
            .for_each(|order| self.probes.model.record_order(order));
        self.probes.send(&self.deployment.app.client, &batch).await;
        let accepted = start.elapsed();
        self.deployment.until_readable(&customers).await;
        let read = start.elapsed();
        eprintln!(
            "round {round}: done after {done:.1?}, orders accepted after {accepted:.1?}, read after \
             {read:.1?}"
        );
        // The next fault may be another failover, for which all members must be up and caught up.
        self.deployment.recover_replica_set().await;
    }

    /// Ends traffic and campaigns, and compares log, views and messages with what was acknowledged.
    async fn check(self, tally: &mut Tally) {
        let Self {
            deployment,
            traffic,
            campaigns,
            probes,
        } = self;
        let mut all = traffic.finish().await;
        all.merge(probes);
        let (campaigns, of_campaigns) = campaigns.finish().await;
        all.merge(of_campaigns);
        let client = &deployment.app.client;
        client.wait_until_ready().await;
        // If the response to a request was lost, its message may count as suppressed until the
        // receipt arrives.
        until("all receipts are posted", || {
            deployment.vendor.has_posted_all_receipts()
        })
        .await;
        client.wait_until_caught_up().await;

        let mut rows = client.list("/api/audit", 500).await;
        rows.retain(|row| !is_of_campaign(row));
        let log = all.model.compare_log(&rows, &all.positions);
        let sent = deployment.vendor.sent().await;
        let (mut late, mut unexplained) = (Vec::new(), Vec::new());
        for campaign in &campaigns {
            let accounts = assert_one_message_per_recipient(client, &campaign.id, &sent).await;
            assert_eq!(accounts["planned"], RECIPIENTS);
            for found in accounts["discrepancies"].as_array().unwrap() {
                match delay_after_acknowledgement(found, campaign, &sent) {
                    Some(delay) if delay > BOUND => late.push(found.clone()),
                    Some(delay) => eprintln!("{delay} after the acknowledgement: {found}"),
                    None => unexplained.push(found.clone()),
                }
            }
        }
        let verified = block_in_place(|| run(deployment.app.patron(["verify"])));
        tally.events += rows.len();
        tally.messages += sent.len();
        tally.lost += log.lost.len();
        tally.duplicated += log.duplicated.len();
        tally.repeated += repeated_messages(&sent);
        tally.late += late.len();
        tally.unverified += usize::from(verified.code != Some(0));
        eprintln!("{tally}");
        assert!(tally.is_clean(), "{log:?} {late:?} {verified:?}");
        assert_eq!(unexplained, Vec::<Value>::new());
        all.model.assert_views(client).await;
    }
}

fn order(customer: &str) -> Value {
    json!({"order_id": "o-1", "customer_id": customer, "amount": 100, "refunded_amount": 0,
        "currency": "USD", "placed_at": "2026-01-01T00:00:00.000Z", "status": "placed"})
}

fn is_of_campaign(row: &Value) -> bool {
    let aggregate = row["aggregate"].as_str().unwrap();
    ["campaign/", "message/", "address/", "claim/"]
        .iter()
        .any(|kind| aggregate.starts_with(kind))
}

/// Counts the messages beyond the first to an address. Each customer is a recipient of one campaign
/// only, so there must be none.
fn repeated_messages(sent: &BTreeMap<String, SentMessage>) -> usize {
    let addresses: BTreeSet<&str> = sent.values().map(|sent| &*sent.to).collect();
    sent.len() - addresses.len()
}

/// Returns how long after the acknowledged unsubscription of its customer the vendor accepted a
/// message that reconciliation reports as sent too late; `None` for any other discrepancy.
///
/// Reconciliation measures from the arrival of the request to unsubscribe. While Redis is stopped,
/// the customer is not unsubscribed yet, and messages may still begin.
fn delay_after_acknowledgement(
    found: &Value,
    campaign: &CompletedCampaign,
    sent: &BTreeMap<String, SentMessage>,
) -> Option<TimeDelta> {
    if found["kind"] != "sent_after_unsubscribe" {
        return None;
    }
    let acknowledged = campaign
        .unsubscribed_at
        .get(found["customer_id"].as_str()?)?;
    let accepted = sent.get(found["message_id"].as_str()?)?.accepted_at;
    Some(accepted - acknowledged)
}

impl Tally {
    fn is_clean(&self) -> bool {
        self.lost + self.duplicated + self.repeated + self.late + self.unverified == 0
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let verified = match self.unverified {
            0 => "verify clean".to_owned(),
            n => format!("verify not clean on {n} deployments"),
        };
        write!(
            f,
            "{} rounds, {} events, {} messages: {} lost, {} duplicated, {} messaged twice, \
             {} begun more than 1 s after an acknowledged unsubscription, {verified}",
            self.rounds,
            self.events,
            self.messages,
            self.lost,
            self.duplicated,
            self.repeated,
            self.late,
        )
    }
}
