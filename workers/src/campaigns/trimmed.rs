//! Campaigns that cannot continue because events that they need were trimmed.
//!
//! Trimmed events return only if an operator restores them. Such a campaign is
//! therefore retried rarely, and the reason is reported, to be shown with the
//! campaign. The campaign can be cancelled.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use domain::CampaignId;
use projections::{Store, Waiting, WaitingReason};

use super::error::WorkError;
use crate::clock::now;

/// Delay before a campaign is tried again.
const REST: Duration = Duration::from_secs(30);

/// Interval at which reports are repeated.
const REPEAT: Duration = Duration::from_secs(10);

/// Time for which a report is valid. The report of a worker that died expires then.
const LIFETIME: Duration = Duration::from_secs(60);

/// Campaigns that need trimmed events, as found by one task.
#[derive(Default)]
pub(super) struct TrimmedCampaigns {
    waiting: HashMap<CampaignId, Waiting>,
    tried_at: HashMap<CampaignId, Instant>,
    reported_at: Option<Instant>,
}

impl TrimmedCampaigns {
    /// Returns whether it is too early to try a campaign again.
    pub(super) fn is_resting(&self, campaign: &CampaignId) -> bool {
        let tried_at = self.tried_at.get(campaign);
        tried_at.is_some_and(|at| at.elapsed() < REST)
    }

    /// Records the campaign if it failed because of trimmed events. Returns whether it
    /// did.
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
                tracing::error!(%campaign, %error, "the campaign cannot continue until the trimmed events are restored");
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

    /// Returns whether a campaign is recorded as waiting.
    pub(super) fn is_waiting(&self, campaign: &CampaignId) -> bool {
        self.waiting.contains_key(campaign)
    }

    /// Runs `work` and repeats the reports meanwhile, so that they do not expire during
    /// a long run.
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

    /// Reports what these campaigns wait for, and withdraws the reports of all other
    /// recorded campaigns: they have ended or no longer wait for trimmed events.
    pub(super) async fn report(&mut self, store: &Store, of: &HashSet<CampaignId>) {
        let is_over = |campaign: &&CampaignId| !of.contains(*campaign);
        let over: Vec<CampaignId> = self.waiting.keys().filter(is_over).cloned().collect();
        for campaign in &over {
            self.waiting.remove(campaign);
            self.tried_at.remove(campaign);
        }
        let forgotten: Vec<&CampaignId> = over.iter().collect();
        // Best effort: a report that is not withdrawn expires.
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
