//! Continuous sequences of campaigns, each to customers of its own. Some customers unsubscribe
//! while their campaign is sent.

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

use super::continuous_traffic::AcknowledgedWrites;
use super::traffic::IngestBatch;
use crate::support::campaign::{launch, wait_for_completion};
use crate::support::client::Client;

/// Number of recipients of a campaign.
pub(super) const RECIPIENTS: usize = 200;

/// Messages per second: slow enough for several faults while a campaign is sent.
const RATE: u32 = 40;

/// Number of concurrent campaigns.
const CONCURRENT: usize = 2;

/// Number of customers who unsubscribe at a time.
const LEAVING: usize = 8;

/// Number of times that customers unsubscribe from a campaign.
const TIMES: usize = 4;

/// Longest pause before each of these times, in milliseconds.
const MAX_PAUSE_MS: u64 = 1_500;

/// Completed campaign.
pub(super) struct CompletedCampaign {
    pub(super) id: String,
    /// Time at which each unsubscription was acknowledged, by customer.
    pub(super) unsubscribed_at: HashMap<String, DateTime<Utc>>,
}

/// Campaigns that are sent one after the other until they are stopped.
pub(super) struct ContinuousCampaigns {
    stop: CancellationToken,
    sequences: JoinSet<(Vec<CompletedCampaign>, AcknowledgedWrites)>,
    completed: Arc<AtomicUsize>,
}

impl ContinuousCampaigns {
    pub(super) fn start(api: &Client, seed: u64) -> Self {
        let stop = CancellationToken::new();
        let completed = Arc::new(AtomicUsize::new(0));
        let mut sequences = JoinSet::new();
        for sequence in 0..CONCURRENT {
            let mut random = StdRng::seed_from_u64(seed.wrapping_add(sequence as u64));
            let (api, stop, completed) = (api.clone(), stop.clone(), completed.clone());
            sequences.spawn(async move {
                let (mut campaigns, mut all) = (Vec::new(), AcknowledgedWrites::default());
                while !stop.is_cancelled() {
                    let name = format!("{sequence}-{}", campaigns.len());
                    campaigns.push(run_campaign(&api, &name, &mut random, &mut all).await);
                    completed.fetch_add(1, Ordering::Relaxed);
                }
                (campaigns, all)
            });
        }
        Self {
            stop,
            sequences,
            completed,
        }
    }

    /// Returns the number of completed campaigns.
    pub(super) fn completed(&self) -> usize {
        self.completed.load(Ordering::Relaxed)
    }

    /// Starts no more campaigns, and waits until those that have begun are completed.
    pub(super) async fn finish(self) -> (Vec<CompletedCampaign>, AcknowledgedWrites) {
        self.stop.cancel();
        let (mut campaigns, mut all) = (Vec::new(), AcknowledgedWrites::default());
        for (of_sequence, acknowledged) in self.sequences.join_all().await {
            campaigns.extend(of_sequence);
            all.merge(acknowledged);
        }
        (campaigns, all)
    }
}

/// Records customers, launches a campaign to them, and unsubscribes some while it is sent. Returns
/// once the campaign is completed.
async fn run_campaign(
    api: &Client,
    name: &str,
    random: &mut StdRng,
    all: &mut AcknowledgedWrites,
) -> CompletedCampaign {
    let mut recipients: Vec<String> = (0..RECIPIENTS).map(|n| format!("w-{name}-{n}")).collect();
    let tag = format!("campaign-{name}");
    let recorded: Vec<Value> = recipients.iter().map(|id| recipient(id, &tag)).collect();
    recorded.iter().for_each(|item| all.model.record_name(item));
    all.send(api, &customer_batch(recorded)).await;
    let id = launch(api, &tag, &format!("tags contains \"{tag}\""), Some(RATE)).await;

    recipients.shuffle(random);
    let mut unsubscribed_at = HashMap::new();
    for leaving in recipients.chunks(LEAVING).take(TIMES) {
        let pause = Duration::from_millis(random.random_range(0..MAX_PAUSE_MS));
        tokio::time::sleep(pause).await;
        let unsubscription = |id: &String| json!({"customer_id": id, "unsubscribed": true});
        let batch = customer_batch(leaving.iter().map(unsubscription).collect());
        leaving
            .iter()
            .for_each(|id| all.model.record_customer_change(id));
        all.send(api, &batch).await;
        let acknowledged = Utc::now();
        unsubscribed_at.extend(leaving.iter().map(|id| (id.clone(), acknowledged)));
    }
    wait_for_completion(api, &id).await;
    CompletedCampaign {
        id,
        unsubscribed_at,
    }
}

fn customer_batch(items: Vec<Value>) -> IngestBatch {
    let path = "/api/data/customers";
    IngestBatch { path, items }
}

fn recipient(id: &str, tag: &str) -> Value {
    let (name, email) = (format!("Name of {id}"), format!("{id}@example.com"));
    json!({"customer_id": id, "name": name, "email": email, "tags": [tag]})
}
