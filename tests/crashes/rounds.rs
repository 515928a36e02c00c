//! Kills and stops at random moments, as many as one has time for, under continuous traffic and
//! campaigns.
//!
//! `PATRON_CRASH_ROUNDS` says how many; the test prints its seed, and `PATRON_TEST_SEED` repeats the
//! same strikes.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fmt::{self, Display, Formatter};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::task::block_in_place;

use super::endless::{Acknowledged, Endless};
use super::killing::seed;
use super::strikes::{Strike, Struck};
use super::traffic::Batch;
use super::waves::{MEMBERS, Wave, Waves};
use crate::support::campaign::assert_whole;
use crate::support::process::run;
use crate::support::vendor::Sent;
use crate::support::wait::until;

/// Rounds where nobody says how many: those of every run of the tests.
const ROUNDS: usize = 2;

/// After so many rounds everything is checked, and the next ones get a deployment of their own.
const PER_DEPLOYMENT: usize = 10;

/// The longest from one strike's end to the next strike, in milliseconds.
const LULL: u64 = 2_500;

/// How long after an acknowledged unsubscription a message may still begin.
const BOUND: TimeDelta = TimeDelta::seconds(1);

/// Customers of a round's probe: enough to be in every partition, as good as always.
const PROBES: usize = 16;

/// What the checks have found, of all deployments.
#[derive(Default)]
struct Tally {
    rounds: usize,
    events: usize,
    messages: usize,
    lost: usize,
    doubled: usize,
    twice: usize,
    late: usize,
    unverified: usize,
}

/// Rounds on one deployment.
struct Stretch {
    struck: Struck,
    traffic: Endless,
    waves: Waves,
    probes: Acknowledged,
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_doubled_or_sent_against_somebodys_will_whatever_is_struck() {
    let mut random = StdRng::seed_from_u64(seed());
    let rounds = rounds();
    let mut tally = Tally::default();
    let deployments = rounds.div_ceil(PER_DEPLOYMENT);
    for deployment in 0..deployments {
        let count = rounds / deployments + usize::from(deployment < rounds % deployments);
        // Few rounds are on a replica set: the other tests here have a `mongod` alone.
        let on_set = deployment.is_multiple_of(2);
        let name = format!("rounds_{deployment}");
        let mut stretch = Stretch::start(&name, on_set, &mut random).await;
        for strike in Strike::draw(count, on_set, &mut random) {
            stretch.round(tally.rounds, strike, &mut random).await;
            tally.rounds += 1;
        }
        stretch.check(&mut tally).await;
    }
}

fn rounds() -> usize {
    let given = env::var("PATRON_CRASH_ROUNDS").ok();
    given.map_or(ROUNDS, |rounds| rounds.parse().expect("a number"))
}

impl Stretch {
    async fn start(name: &str, on_set: bool, random: &mut StdRng) -> Self {
        let struck = Struck::start(name, on_set).await;
        let api = &struck.app.client;
        let (traffic, waves) = (
            Endless::start(api, random.random()),
            Waves::start(api, random.random()),
        );
        Self {
            struck,
            traffic,
            waves,
            probes: Acknowledged::default(),
        }
    }

    /// Strikes once, and waits until orders are accepted and read again.
    async fn round(&mut self, round: usize, strike: Strike, random: &mut StdRng) {
        let lull = Duration::from_millis(random.random_range(0..LULL));
        tokio::time::sleep(lull).await;
        eprintln!(
            "round {round}: {strike:?} at {} items acknowledged, {} campaigns over",
            self.traffic.acknowledged(),
            self.waves.completed(),
        );
        let start = Instant::now();
        self.struck.strike(strike).await;
        let done = start.elapsed();
        let customers: Vec<String> = (0..PROBES).map(|n| format!("p-{round}-{n}")).collect();
        let batch = Batch {
            path: "/api/data/orders",
            items: customers.iter().map(|customer| order(customer)).collect(),
        };
        batch
            .items
            .iter()
            .for_each(|order| self.probes.model.order(order));
        self.probes.send(&self.struck.app.client, &batch).await;
        let accepted = start.elapsed();
        self.struck.until_read(&customers).await;
        let read = start.elapsed();
        eprintln!(
            "round {round}: done after {done:.1?}, orders accepted after {accepted:.1?}, read after \
             {read:.1?}"
        );
        self.struck.becomes_whole().await;
    }

    /// Ends traffic and campaigns and holds all there is against what was acknowledged.
    async fn check(self, tally: &mut Tally) {
        let Self {
            struck,
            traffic,
            waves,
            probes,
        } = self;
        let mut all = traffic.finish().await;
        all.join(probes);
        let (waves, of_waves) = waves.finish().await;
        all.join(of_waves);
        let client = &struck.app.client;
        client.all_well().await;
        // A message that the vendor took without being heard may count as suppressed until then.
        until("all receipts are posted", || struck.vendor.has_posted_all()).await;
        client.caught_up().await;

        let mut rows = client.list("/api/audit", 500).await;
        rows.retain(|row| !is_of_campaign(row));
        let log = all.model.compare(&rows, &all.positions);
        let sent = struck.vendor.sent().await;
        let (mut late, mut unexplained) = (Vec::new(), Vec::new());
        for wave in &waves {
            let accounts = assert_whole(client, &wave.id, &sent).await;
            assert_eq!(accounts["planned"], MEMBERS);
            for found in accounts["discrepancies"].as_array().unwrap() {
                match after_acknowledgement(found, wave, &sent) {
                    Some(after) if after > BOUND => late.push(found.clone()),
                    Some(after) => eprintln!("{after} after the acknowledgement: {found}"),
                    None => unexplained.push(found.clone()),
                }
            }
        }
        let verified = block_in_place(|| run(struck.app.patron(["verify"])));
        tally.events += rows.len();
        tally.messages += sent.len();
        tally.lost += log.lost.len();
        tally.doubled += log.doubled.len();
        tally.twice += twice(&sent);
        tally.late += late.len();
        tally.unverified += usize::from(verified.code != Some(0));
        eprintln!("{tally}");
        assert!(tally.is_clean(), "{log:?} {late:?} {verified:?}");
        assert_eq!(unexplained, Vec::<Value>::new());
        all.model.assert_views(client).await;
    }
}

fn order(customer: &str) -> Value {
    json!({"order_id": "o-1", "customer_id": customer, "amount": 100, "currency": "USD",
        "placed_at": "2026-01-01T00:00:00.000Z", "status": "placed"})
}

fn is_of_campaign(row: &Value) -> bool {
    let aggregate = row["aggregate"].as_str().unwrap();
    ["campaign/", "message/"]
        .iter()
        .any(|kind| aggregate.starts_with(kind))
}

/// How many messages are beyond the first to an address; each customer is meant by one campaign.
fn twice(sent: &BTreeMap<String, Sent>) -> usize {
    let addresses: BTreeSet<&str> = sent.values().map(|sent| &*sent.to).collect();
    sent.len() - addresses.len()
}

/// How long after the acknowledgement of its customer's unsubscription the vendor took a message that
/// the reconciliation holds to be sent too late; none if it finds something else.
///
/// The reconciliation counts from the time at which the request to unsubscribe came in. While Redis
/// stands still the customer is not unsubscribed yet, and messages may still begin.
fn after_acknowledgement(
    found: &Value,
    wave: &Wave,
    sent: &BTreeMap<String, Sent>,
) -> Option<TimeDelta> {
    if found["kind"] != "sent_after_unsubscribe" {
        return None;
    }
    let acknowledged = wave.left.get(found["customer_id"].as_str()?)?;
    let taken = sent.get(found["message_id"].as_str()?)?.accepted_at;
    Some(taken - acknowledged)
}

impl Tally {
    fn is_clean(&self) -> bool {
        self.lost + self.doubled + self.twice + self.late + self.unverified == 0
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
            "{} rounds, {} events, {} messages: {} lost, {} doubled, {} messaged twice, \
             {} begun more than 1 s after an acknowledged unsubscription, {verified}",
            self.rounds, self.events, self.messages, self.lost, self.doubled, self.twice, self.late,
        )
    }
}
