//! Launches scheduled campaigns when they are due.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use commands::CampaignRefusal;
use domain::{CampaignCommand, CampaignError, CampaignId, Timestamp};
use projections::Topics;
use projections::recipients::require_launchable;
use tokio_util::sync::CancellationToken;

use super::context::{context, request_of};
use super::error::WorkError;
use super::trimmed::TrimmedCampaigns;
use crate::clock::now;
use crate::periodic::{NextRun, Periodic, PeriodicTask};
use crate::shared::SharedResources;

/// Actor of the recorded events.
const ACTOR: &str = "worker:schedule";

/// Longest time between checks for due campaigns.
const LOOK: Duration = Duration::from_secs(5);

/// Delay after a failure.
const AFTER_FAILURE: Duration = Duration::from_millis(500);

/// Delay before another attempt to launch a campaign whose launch was refused.
const AFTER_REFUSAL: Duration = Duration::from_secs(30);

const TASK: Periodic = Periodic {
    name: "launch scheduled campaigns",
    topics: Topics::CAMPAIGNS,
    after_failure: AFTER_FAILURE,
};

/// Launches due campaigns until stopped.
pub(crate) async fn run(shared: &SharedResources, stop: &CancellationToken) {
    TASK.run(shared, stop, Scheduling::default()).await;
}

/// State between checks.
#[derive(Default)]
struct Scheduling {
    /// Campaigns that could not be launched, and when that was tried.
    refused: HashMap<CampaignId, Instant>,
    trimmed: TrimmedCampaigns,
}

impl PeriodicTask for Scheduling {
    type Error = WorkError;

    async fn run(&mut self, shared: &SharedResources) -> Result<NextRun, WorkError> {
        self.launch_due(shared).await?;
        Ok(NextRun::within(until_next(shared).await?))
    }
}

impl Scheduling {
    /// Launches the campaigns that are due, except those whose launch was refused recently.
    async fn launch_due(&mut self, shared: &SharedResources) -> Result<(), WorkError> {
        self.refused.retain(|_, at| at.elapsed() < AFTER_REFUSAL);
        let mut waiting = HashSet::new();
        for campaign in shared.store.campaigns_due(now()).await? {
            let id = campaign.campaign_id;
            if self.refused.contains_key(&id) {
                if self.trimmed.is_waiting(&id) {
                    waiting.insert(id);
                }
                continue;
            }
            let launching = launch_or_miss(shared, &id);
            match self.trimmed.while_reporting(&shared.store, launching).await {
                Ok(true) => {}
                Ok(false) => {
                    self.refused.insert(id, Instant::now());
                }
                Err(error) if self.trimmed.note(&id, &error) => {
                    waiting.insert(id.clone());
                    self.refused.insert(id, Instant::now());
                }
                // A failure with one campaign does not hold back the others.
                Err(error) => {
                    tracing::warn!(campaign = %id, %error, "cannot check the scheduled campaign, trying again");
                }
            }
        }
        self.trimmed.report(&shared.store, &waiting).await;
        Ok(())
    }
}

/// Returns the time until the next campaign is due, at most [`LOOK`].
async fn until_next(shared: &SharedResources) -> Result<Duration, WorkError> {
    let now = now();
    let next = shared.store.next_campaign_due(now).await?;
    let left = next.map_or(LOOK, |at| {
        let left = at.timestamp_millis() - now.millis();
        Duration::from_millis(u64::try_from(left).unwrap_or_default())
    });
    Ok(left.min(LOOK))
}

/// State of a scheduled campaign relative to its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    NotYet,
    Now,
    TooLate,
}

fn due(at: Timestamp, now: Timestamp, grace: Duration) -> Due {
    let late = now.millis() - at.millis();
    match u128::try_from(late) {
        Err(_) => Due::NotYet,
        Ok(late) if late > grace.as_millis() => Due::TooLate,
        Ok(_) => Due::Now,
    }
}

/// Launches a campaign if it is due, or records that it was missed. Returns false if
/// the command was refused.
async fn launch_or_miss(shared: &SharedResources, id: &CampaignId) -> Result<bool, WorkError> {
    let head = shared.commands.campaign(id).await?;
    let Some(at) = head.and_then(|campaign| campaign.due_at()) else {
        return Ok(true); // The view lags: the campaign is no longer scheduled.
    };
    let types = ["campaign_created", "campaign_scheduled"];
    let request = request_of(&shared.log, id, &types).await?;
    let (context, commands) = (context(ACTOR, request), &shared.commands);
    let done = match due(at, context.now, shared.delivery.grace) {
        Due::NotYet => return Ok(true),
        Due::Now => {
            require_launchable(&shared.store, &shared.log).await?;
            let launched = commands.launch_campaign(&context, id.clone(), None).await?;
            launched.map(|launched| launched.outcome)
        }
        Due::TooLate => {
            commands
                .execute_on_campaign(&context, id.clone(), CampaignCommand::Miss)
                .await?
        }
    };
    let late = Duration::from_millis(context.now.millis().abs_diff(at.millis()));
    match (done, due(at, context.now, shared.delivery.grace)) {
        (Ok(_), Due::TooLate) => {
            tracing::warn!(campaign = %id, ?late, "missed the time of a scheduled campaign");
        }
        (Ok(_), _) => tracing::info!(campaign = %id, ?late, "launched a scheduled campaign"),
        // It was launched or cancelled concurrently.
        (Err(CampaignRefusal::Campaign(CampaignError::Impossible { .. })), _) => {}
        (Err(refusal), _) => {
            tracing::warn!(campaign = %id, %refusal, "the scheduled campaign cannot be launched, trying again");
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_campaign_is_launched_in_time_or_missed() {
        let grace = Duration::from_secs(60);
        let at = Timestamp::from_millis(1_000_000).unwrap();
        let due = |millis: i64| {
            due(
                at,
                Timestamp::from_millis(1_000_000 + millis).unwrap(),
                grace,
            )
        };
        assert_eq!(due(-1), Due::NotYet);
        assert_eq!((due(0), due(60_000)), (Due::Now, Due::Now));
        assert_eq!(due(60_001), Due::TooLate);
    }
}
