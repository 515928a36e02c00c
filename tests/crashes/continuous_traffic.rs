//! Traffic of a shop that continues until it is stopped.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::model::TrafficModel;
use super::traffic::{CLIENTS, IngestBatch, batches_of_round, send_until_acknowledged};
use crate::support::client::Client;

/// Items per request: few, so that a request is in flight at almost any moment.
const ITEMS: usize = 20;

/// Longest pause of a client after a request, in milliseconds.
const MAX_PAUSE_MS: u64 = 400;

/// State that acknowledged writes must result in, and the aggregate acknowledged at each position.
#[derive(Default)]
pub(super) struct AcknowledgedWrites {
    pub(super) model: TrafficModel,
    pub(super) positions: HashMap<String, String>,
}

/// Clients that send orders, changes of orders, customers and activities until they are stopped.
pub(super) struct ContinuousTraffic {
    stop: CancellationToken,
    clients: JoinSet<AcknowledgedWrites>,
    acknowledged: Arc<AtomicUsize>,
}

impl AcknowledgedWrites {
    /// Adds writes about other customers.
    pub(super) fn merge(&mut self, other: Self) {
        self.model.merge(other.model);
        self.positions.extend(other.positions);
    }

    /// Sends a batch until it is acknowledged. The caller records it in the model beforehand.
    pub(super) async fn send(&mut self, api: &Client, batch: &IngestBatch) {
        let positions = send_until_acknowledged(api, batch).await;
        self.positions.extend(positions);
    }
}

impl ContinuousTraffic {
    /// Starts all clients. The same seed gives the same sequence of requests, up to the stop.
    pub(super) fn start(api: &Client, seed: u64) -> Self {
        let stop = CancellationToken::new();
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let random = StdRng::seed_from_u64(seed.wrapping_add(client as u64));
            let (api, stop, count) = (api.clone(), stop.clone(), acknowledged.clone());
            clients.spawn(send_until_stopped(api, client, random, stop, count));
        }
        Self {
            stop,
            clients,
            acknowledged,
        }
    }

    /// Returns the number of acknowledged items.
    pub(super) fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Stops all clients, and waits until every write that was begun is acknowledged.
    pub(super) async fn finish(self) -> AcknowledgedWrites {
        self.stop.cancel();
        let mut all = AcknowledgedWrites::default();
        for of_client in self.clients.join_all().await {
            all.merge(of_client);
        }
        all
    }
}

async fn send_until_stopped(
    api: Client,
    client: usize,
    mut random: StdRng,
    stop: CancellationToken,
    count: Arc<AtomicUsize>,
) -> AcknowledgedWrites {
    let mut all = AcknowledgedWrites::default();
    let mut round = 0;
    while !stop.is_cancelled() {
        for IngestBatch { path, items } in
            batches_of_round(round, client, &mut random, &mut all.model)
        {
            for items in items.chunks(ITEMS).map(<[_]>::to_vec) {
                let batch = IngestBatch { path, items };
                all.send(&api, &batch).await;
                count.fetch_add(batch.items.len(), Ordering::Relaxed);
                let pause = Duration::from_millis(random.random_range(0..MAX_PAUSE_MS));
                // The model already has the whole round, so its remaining batches are sent after a
                // stop too, without pauses.
                stop.run_until_cancelled(tokio::time::sleep(pause)).await;
            }
        }
        round += 1;
    }
    all
}
