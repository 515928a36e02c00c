//! Everything that happens while processes are killed.
//!
//! A kind of load is a function that sends requests until it is stopped, repeats each until it is
//! acknowledged, and returns what must be there then. [`Loads`] starts all kinds and adds up what
//! they return; [`check`](super::check) compares it with the log, the heads, the views and the
//! vendor's list.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::RequestBuilder;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::households::{self, Person};
use super::mailings;
use super::merges::{self, Merged};
use super::quiet::QuietPeriods;
use super::returned::{self, Returned};
use crate::crashes::continuous_traffic::AcknowledgedWrites;
use crate::support::client::{Answer, Client, try_send};
use crate::support::vendor_process::VendorProcess;

/// Time for which a request is repeated: longer than any restart takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// What must be there once every request is acknowledged.
#[derive(Default)]
pub(super) struct Expected {
    /// Number of events of each customer, and the acknowledged positions.
    pub(super) writes: AcknowledgedWrites,
    /// Customers by id.
    pub(super) people: BTreeMap<String, Person>,
    /// Customers who opted out with an address, by address in its comparable form.
    pub(super) opted_out: BTreeMap<String, BTreeSet<String>>,
    /// Times in which nobody may write to an address.
    pub(super) quiet: Vec<QuietPeriods>,
    /// Bounces, complaints, and the suppression list.
    pub(super) returned: Returned,
    /// Completed campaigns.
    pub(super) campaigns: Vec<String>,
    /// Merges of customers, and their orders.
    pub(super) merged: Merged,
}

/// What a kind of load needs.
#[derive(Clone)]
pub(super) struct Load {
    pub(super) api: Client,
    pub(super) stop: CancellationToken,
    acknowledged: Arc<AtomicUsize>,
}

/// Loads that run until they are finished.
pub(super) struct Loads {
    load: Load,
    running: JoinSet<Expected>,
}

impl Loads {
    /// Records all customers, and starts every kind of load. The same seed gives the same choices.
    pub(super) async fn start(api: &Client, vendor: &VendorProcess, seed: u64) -> Self {
        let load = Load {
            api: api.clone(),
            stop: CancellationToken::new(),
            acknowledged: Arc::default(),
        };
        let mut random = StdRng::seed_from_u64(seed);
        let mut running = JoinSet::new();
        for client in 0..households::CLIENTS {
            let random = StdRng::seed_from_u64(random.random());
            let started = households::Households::record(&load, client, random).await;
            running.spawn(started.change_until_stopped(load.clone()));
        }
        for sequence in 0..mailings::SEQUENCES {
            running.spawn(mailings::send_until_stopped(load.clone(), sequence));
        }
        for client in 0..merges::CLIENTS {
            let random = StdRng::seed_from_u64(random.random());
            running.spawn(merges::change_until_stopped(load.clone(), client, random));
        }
        let returned = StdRng::seed_from_u64(random.random());
        running.spawn(returned::post_until_stopped(
            load.clone(),
            vendor.url.clone(),
            returned,
        ));
        Self { load, running }
    }

    /// Stops all loads, and waits until every request that was begun is acknowledged.
    pub(super) async fn finish(self) -> Expected {
        self.load.stop.cancel();
        let mut all = Expected::default();
        for one in self.running.join_all().await {
            all.merge(one);
        }
        all
    }
}

impl Display for Loads {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let acknowledged = self.load.acknowledged.load(Ordering::Relaxed);
        write!(f, "{acknowledged} acknowledged requests")
    }
}

impl Load {
    /// Sends a request until it is answered with one of these statuses.
    pub(super) async fn send(
        &self,
        accepted: &[u16],
        request: impl Fn(&Client) -> RequestBuilder,
    ) -> Answer {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match try_send(request(&self.api)).await {
                Ok(answer) if accepted.contains(&answer.status) => {
                    self.count();
                    return answer;
                }
                Ok(answer) => assert_eq!(answer.status, 503, "{answer:?}"),
                // The server may have been killed before or after it did what the request says:
                // only a repetition tells.
                Err(_no_response) => {}
            }
            assert!(Instant::now() < deadline, "a request is never acknowledged");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(super) fn count(&self) {
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
    }

    /// Pauses for a random time of at most `most` milliseconds, or until the load is stopped.
    /// Returns whether the load goes on.
    pub(super) async fn pause(&self, random: &mut StdRng, most: u64) -> bool {
        let pause = Duration::from_millis(random.random_range(0..most));
        let paused = self.stop.run_until_cancelled(tokio::time::sleep(pause));
        paused.await.is_some()
    }
}

impl Expected {
    fn merge(&mut self, other: Self) {
        self.writes.merge(other.writes);
        self.people.extend(other.people);
        self.opted_out.extend(other.opted_out);
        self.quiet.extend(other.quiet);
        self.returned.merge(other.returned);
        self.campaigns.extend(other.campaigns);
        self.merged.merge(other.merged);
    }
}
