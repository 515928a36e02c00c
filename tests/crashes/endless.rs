//! A shop's traffic that goes on until it is told to stop.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::model::Model;
use super::traffic::{Batch, LANES, batches_of, send};
use crate::support::client::Client;

/// Items of one request: few, so that at any moment some request is on its way.
const ITEMS: usize = 20;

/// The longest pause of a client after a request.
const PAUSE: u64 = 400;

/// What was sent, and which aggregate was acknowledged at which position.
#[derive(Default)]
pub(super) struct Acknowledged {
    pub(super) model: Model,
    pub(super) positions: HashMap<String, String>,
}

/// Clients that send orders, changes of orders, customers and activities.
pub(super) struct Endless {
    stop: CancellationToken,
    lanes: JoinSet<Acknowledged>,
    acknowledged: Arc<AtomicUsize>,
}

impl Acknowledged {
    /// Adds what was sent of other customers.
    pub(super) fn join(&mut self, other: Self) {
        self.model.join(other.model);
        self.positions.extend(other.positions);
    }

    /// Sends a batch until it is acknowledged. The model has to know it already.
    pub(super) async fn send(&mut self, api: &Client, batch: &Batch) {
        self.positions.extend(send(api, batch).await);
    }
}

impl Endless {
    /// Sends the same for the same seed, as far as it comes.
    pub(super) fn start(api: &Client, seed: u64) -> Self {
        let stop = CancellationToken::new();
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let mut lanes = JoinSet::new();
        for lane in 0..LANES {
            let random = StdRng::seed_from_u64(seed.wrapping_add(lane as u64));
            let (api, stop, count) = (api.clone(), stop.clone(), acknowledged.clone());
            lanes.spawn(go_on(api, lane, random, stop, count));
        }
        Self {
            stop,
            lanes,
            acknowledged,
        }
    }

    /// How many items are acknowledged.
    pub(super) fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Waits until everything that was sent is acknowledged, and sends nothing more.
    pub(super) async fn finish(self) -> Acknowledged {
        self.stop.cancel();
        let mut all = Acknowledged::default();
        for lane in self.lanes.join_all().await {
            all.join(lane);
        }
        all
    }
}

async fn go_on(
    api: Client,
    lane: usize,
    mut random: StdRng,
    stop: CancellationToken,
    count: Arc<AtomicUsize>,
) -> Acknowledged {
    let mut all = Acknowledged::default();
    let mut round = 0;
    while !stop.is_cancelled() {
        for Batch { path, items } in batches_of(round, lane, &mut random, &mut all.model) {
            for items in items.chunks(ITEMS).map(<[_]>::to_vec) {
                let batch = Batch { path, items };
                all.send(&api, &batch).await;
                count.fetch_add(batch.items.len(), Ordering::Relaxed);
                let pause = Duration::from_millis(random.random_range(0..PAUSE));
                // What the round has left is sent without a pause once it is to stop.
                stop.run_until_cancelled(tokio::time::sleep(pause)).await;
            }
        }
        round += 1;
    }
    all
}
