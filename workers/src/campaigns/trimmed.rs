//! Campaigns that cannot go on because events that they need were trimmed.
//!
//! Trimmed events do not come back unless an operator restores them. Such a
//! campaign is therefore retried only now and then, and what it waits for is
//! reported, to be shown with the campaign. It can be cancelled.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use domain::CampaignId;
use projections::{Store, Waiting, WaitingReason};

use super::{WorkError, now};

/// How long to wait before trying a campaign again.
const REST: Duration = Duration::from_secs(30);

/// How often reports that still hold are repeated.
const REPEAT: Duration = Duration::from_secs(10);

/// How long a report is valid. A report by a worker that died expires then.
const LIFETIME: Duration = Duration::from_secs(60);

/// Campaigns that need trimmed events, as one worker has found.
#[derive(Default)]
pub(super) struct TrimmedCampaigns {
    waiting: HashMap<CampaignId, Waiting>,
    tried_at: HashMap<CampaignId, Instant>,
    reported_at: Option<Instant>,
}

impl TrimmedCampaigns {
    /// Whether a campaign is not to be tried again yet.
    pub(super) fn is_resting(&self, campaign: &CampaignId) -> bool {
        let tried_at = self.tried_at.get(campaign);
        tried_at.is_some_and(|at| at.elapsed() < REST)
    }

    /// Notes the campaign if it failed for this reason; returns whether it did.
    pub(super) fn note(&mut self, campaign: &CampaignId, error: &WorkError) -> bool {
        if !error.is_trimmed() {
            return false;
        }
        self.tried_at.insert(campaign.clone(), Instant::now());
        let detail = error.to_string();
        let known = self.waiting.get_mut(campaign);
        match known {
            Some(known) => known.detail = detail,
            None => {
                tracing::error!(%campaign, %error, "it cannot go on until the events are restored");
                let waiting = Waiting {
                    reason: WaitingReason::Trimmed,
                    since: now(),
                    detail,
                };
                self.waiting.insert(campaign.clone(), waiting);
                self.reported_at = None;
            }
        }
        true
    }

    /// Whether a campaign is reported.
    pub(super) fn is_waiting(&self, campaign: &CampaignId) -> bool {
        self.waiting.contains_key(campaign)
    }

    /// Does some work and repeats the reports meanwhile, however long it takes.
    pub(super) async fn while_reporting<T>(
        &mut self,
        store: &Store,
        work: impl Future<Output = T>,
    ) -> T {
        let repeating = async {
            loop {
                let age = self.reported_at.map_or(REPEAT, |at| at.elapsed());
                tokio::time::sleep(REPEAT.saturating_sub(age)).await;
                self.record(store).await;
            }
        };
        tokio::select! {
            biased;
            done = work => done,
            never = repeating => never,
        }
    }

    /// Reports what these campaigns wait for, and withdraws the reports of all
    /// others that were noted: they are over, or wait for something else now.
    pub(super) async fn report(&mut self, store: &Store, of: &HashSet<CampaignId>) {
        let is_over = |campaign: &&CampaignId| !of.contains(*campaign);
        let over: Vec<CampaignId> = self.waiting.keys().filter(is_over).cloned().collect();
        for campaign in &over {
            self.waiting.remove(campaign);
            self.tried_at.remove(campaign);
        }
        let forgotten: Vec<&CampaignId> = over.iter().collect();
        // What was not withdrawn expires.
        if let Err(error) = store.forget_waiting(&forgotten).await {
            tracing::warn!(%error, "cannot withdraw what campaigns wait for");
        }
        if self.reported_at.is_none_or(|at| at.elapsed() >= REPEAT) {
            self.record(store).await;
        }
    }

    async fn record(&mut self, store: &Store) {
        if let Err(error) = store.record_waiting(&self.waiting, LIFETIME).await {
            tracing::warn!(%error, "cannot report what campaigns wait for, trying again");
        }
        self.reported_at = Some(Instant::now());
    }
}
