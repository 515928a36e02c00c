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

    /// Reports what these campaigns wait for, and withdraws the reports of all
    /// others that were noted.
    pub(super) async fn report(&mut self, store: &Store, of: &HashSet<CampaignId>) {
        let is_over = |campaign: &&CampaignId| !of.contains(*campaign);
        let over: Vec<CampaignId> = self.waiting.keys().filter(is_over).cloned().collect();
        let is_due = self.reported_at.is_none_or(|at| at.elapsed() >= REPEAT);
        if self.waiting.is_empty() || (over.is_empty() && !is_due) {
            return;
        }
        for campaign in &over {
            self.waiting.remove(campaign);
            self.tried_at.remove(campaign);
        }
        let over: Vec<&CampaignId> = over.iter().collect();
        let reported = tokio::try_join!(
            store.forget_waiting(&over),
            store.record_waiting(&self.waiting, LIFETIME)
        );
        self.reported_at = Some(Instant::now());
        // What was not withdrawn expires.
        if let Err(error) = reported {
            tracing::warn!(%error, "cannot report what campaigns wait for, trying again");
        }
    }
}
