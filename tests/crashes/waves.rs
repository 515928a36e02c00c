//! Campaigns one after the other, each to customers of its own, some of whom unsubscribe meanwhile.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::endless::Acknowledged;
use super::traffic::Batch;
use crate::support::campaign::{completed, launch};
use crate::support::client::Client;

/// How many customers a campaign means.
pub(super) const MEMBERS: usize = 200;

/// Messages per second: slow enough for much to happen on the way.
const RATE: u32 = 40;

/// Campaigns at once.
const LANES: usize = 2;

/// How many customers unsubscribe at a time, and how often, while a campaign is sent.
const LEAVING: usize = 8;
const TIMES: usize = 4;

/// The longest from one time to the next, in milliseconds.
const LULL: u64 = 1_500;

/// A campaign that is over.
pub(super) struct Wave {
    pub(super) id: String,
    /// When the unsubscription of each customer who unsubscribed was acknowledged.
    pub(super) left: HashMap<String, DateTime<Utc>>,
}

/// Campaigns being sent.
pub(super) struct Waves {
    stop: CancellationToken,
    lanes: JoinSet<(Vec<Wave>, Acknowledged)>,
    completed: Arc<AtomicUsize>,
}

impl Waves {
    pub(super) fn start(api: &Client, seed: u64) -> Self {
        let stop = CancellationToken::new();
        let completed = Arc::new(AtomicUsize::new(0));
        let mut lanes = JoinSet::new();
        for lane in 0..LANES {
            let mut random = StdRng::seed_from_u64(seed.wrapping_add(lane as u64));
            let (api, stop, completed) = (api.clone(), stop.clone(), completed.clone());
            lanes.spawn(async move {
                let (mut waves, mut all) = (Vec::new(), Acknowledged::default());
                while !stop.is_cancelled() {
                    let name = format!("{lane}-{}", waves.len());
                    waves.push(wave(&api, &name, &mut random, &mut all).await);
                    completed.fetch_add(1, Ordering::Relaxed);
                }
                (waves, all)
            });
        }
        Self {
            stop,
            lanes,
            completed,
        }
    }

    /// How many campaigns are over.
    pub(super) fn completed(&self) -> usize {
        self.completed.load(Ordering::Relaxed)
    }

    /// Waits until those that have begun are over, and begins no more.
    pub(super) async fn finish(self) -> (Vec<Wave>, Acknowledged) {
        self.stop.cancel();
        let (mut waves, mut all) = (Vec::new(), Acknowledged::default());
        for (of_lane, acknowledged) in self.lanes.join_all().await {
            waves.extend(of_lane);
            all.join(acknowledged);
        }
        (waves, all)
    }
}

/// Records customers and launches a campaign to them; while it is sent, some unsubscribe. Returns
/// once it is over.
async fn wave(api: &Client, name: &str, random: &mut StdRng, all: &mut Acknowledged) -> Wave {
    let mut members: Vec<String> = (0..MEMBERS).map(|n| format!("w-{name}-{n}")).collect();
    let tag = format!("wave-{name}");
    let recorded: Vec<Value> = members.iter().map(|id| member(id, &tag)).collect();
    recorded.iter().for_each(|item| all.model.customer(item));
    all.send(api, &customers(recorded)).await;
    let id = launch(api, &tag, &format!("tags contains \"{tag}\""), Some(RATE)).await;

    members.shuffle(random);
    let mut left = HashMap::new();
    for leaving in members.chunks(LEAVING).take(TIMES) {
        let lull = Duration::from_millis(random.random_range(0..LULL));
        tokio::time::sleep(lull).await;
        let leave = |id: &String| json!({"customer_id": id, "unsubscribed": true});
        let unsubscribed = customers(leaving.iter().map(leave).collect());
        leaving.iter().for_each(|id| all.model.customer_changed(id));
        all.send(api, &unsubscribed).await;
        let acknowledged = Utc::now();
        left.extend(leaving.iter().map(|id| (id.clone(), acknowledged)));
    }
    completed(api, &id).await;
    Wave { id, left }
}

fn customers(items: Vec<Value>) -> Batch {
    let path = "/api/data/customers";
    Batch { path, items }
}

fn member(id: &str, tag: &str) -> Value {
    json!({"customer_id": id, "name": format!("Name of {id}"), "email": address(id), "tags": [tag]})
}

fn address(id: &str) -> String {
    format!("{id}@example.com")
}
