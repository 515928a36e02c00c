//! Ends campaigns: completes those whose messages have all ended, and suppresses
//! the remaining messages of cancelled ones.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use domain::{
    AudienceSize, CampaignId, CampaignStatus, MessageCommand, MessageId, MessageStatus,
    Suppression, Timestamp,
};
use eventlog::Positions;
use projections::campaign_stats::{CampaignFigures, CampaignStats};
use projections::{Topics, View, WaitError};
use tokio_util::sync::CancellationToken;

use super::{WorkError, context, metrics, now, request_of};
use crate::periodic::{Periodic, Task};
use crate::shared::Shared;

/// On whose behalf.
const ACTOR: &str = "worker:delivery";

/// How often campaigns that are over are looked for, if nothing tells of one.
const LOOK: Duration = Duration::from_secs(5);

/// How long to wait after a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(2);

/// How often all cancelled campaigns are checked, not only recent ones.
const LOOK_AT_ALL: Duration = Duration::from_secs(10 * 60);

/// How recent those are: more than views lag and clocks differ.
const OF_LATE: Duration = Duration::from_secs(2 * 60);

/// How long after a cancellation messages may still be queued, by a worker that
/// has not noticed it yet.
const AFTERMATH: Duration = Duration::from_secs(30);

/// How long the vendor may post no receipt before it counts as silent.
const SILENCE: Duration = Duration::from_secs(15 * 60);

/// How often a warning about a silent vendor is repeated.
const TELL_AGAIN: Duration = Duration::from_secs(60 * 60);

/// How many messages are suppressed in one append.
const BATCH: usize = 2_000;

const TASK: Periodic = Periodic {
    name: "end campaigns",
    topics: Topics::CAMPAIGNS.and(Topics::MESSAGES),
    // Messages of a large campaign come and go all the time.
    shortest: Duration::from_millis(200),
    after_failure: AFTER_FAILURE,
};

/// Ends campaigns until stopped.
pub(crate) async fn run(shared: &Shared, stop: &CancellationToken) {
    TASK.run(shared, stop, Settling::default()).await;
}

impl Task for Settling {
    type Error = WorkError;

    async fn run(&mut self, shared: &Shared) -> Result<Duration, WorkError> {
        self.look(shared).await?;
        Ok(LOOK)
    }
}

/// State between checks.
#[derive(Default)]
struct Settling {
    /// Cancelled campaigns that may have messages left, and since when they
    /// are watched.
    cancelled: HashMap<CampaignId, Instant>,
    looked_at_all: Option<Instant>,
    /// Campaigns that wait for receipts in vain, and when that was logged.
    silent: HashMap<CampaignId, Instant>,
}

impl Settling {
    async fn look(&mut self, shared: &Shared) -> Result<(), WorkError> {
        let sending = shared.store.campaigns_in(&[CampaignStatus::Sending]);
        let sending = sending.await?.into_iter();
        let sizes = sending.filter_map(|c| Some((c.campaign_id, c.size?)));
        self.end(shared, sizes.collect()).await?;
        self.find_cancelled(shared).await?;
        self.clean_up(shared).await
    }

    /// Completes campaigns whose messages have all ended, and warns about those
    /// that get no more receipts.
    async fn end(
        &mut self,
        shared: &Shared,
        sending: Vec<(CampaignId, AudienceSize)>,
    ) -> Result<(), WorkError> {
        if sending.is_empty() {
            return Ok(());
        }
        let ids: Vec<&CampaignId> = sending.iter().map(|(id, _)| id).collect();
        let figures = shared.store.campaign_stats(&ids).await?;
        self.silent.retain(|_, told| told.elapsed() < TELL_AGAIN);
        for (id, size) in &sending {
            let Some(figures) = figures.get(id) else {
                continue;
            };
            if is_over(figures, *size) {
                tell(id, complete(shared, id, *size).await);
            } else if is_silent(figures, now()) && !self.silent.contains_key(id) {
                let count = figures.awaiting_receipt();
                tracing::warn!(campaign = %id, count, "the vendor sends no receipts for what it took");
                self.silent.insert(id.clone(), Instant::now());
            }
        }
        Ok(())
    }

    /// Finds campaigns that were cancelled recently, and now and then all that
    /// ever were, in case another worker did not finish them.
    async fn find_cancelled(&mut self, shared: &Shared) -> Result<(), WorkError> {
        let looked = self.looked_at_all;
        let is_all = looked.is_none_or(|looked| looked.elapsed() >= LOOK_AT_ALL);
        let since = match is_all {
            true => Timestamp::EPOCH,
            false => before(now(), OF_LATE),
        };
        for id in shared.store.campaigns_cancelled(since).await? {
            self.cancelled.entry(id).or_insert_with(Instant::now);
        }
        if is_all {
            self.looked_at_all = Some(Instant::now());
        }
        Ok(())
    }

    /// Suppresses the remaining messages of cancelled campaigns until there are
    /// none and no more can be queued.
    async fn clean_up(&mut self, shared: &Shared) -> Result<(), WorkError> {
        if self.cancelled.is_empty() {
            return Ok(());
        }
        let may_end = |since: &Instant| since.elapsed() > AFTERMATH;
        let is_current = self.cancelled.values().any(may_end) && is_current(shared).await?;
        let ids: Vec<&CampaignId> = self.cancelled.keys().collect();
        let figures = shared.store.campaign_stats(&ids).await?;
        let has_left = |id: &CampaignId| figures.get(id).is_some_and(|figures| left(figures) > 0);
        for id in ids.into_iter().filter(|id| has_left(id)) {
            tell(id, suppress(shared, id).await);
        }
        self.cancelled
            .retain(|id, since| has_left(id) || !is_current || !may_end(since));
        Ok(())
    }
}

fn before(now: Timestamp, by: Duration) -> Timestamp {
    let millis = now.millis() - by.as_millis() as i64;
    Timestamp::from_millis(millis).unwrap_or(Timestamp::EPOCH)
}

/// Whether the figures have caught up with the log.
async fn is_current(shared: &Shared) -> Result<bool, WorkError> {
    let ends: Positions = shared.log.ends().await?.into_iter().collect();
    let waiting = shared
        .store
        .wait_for(CampaignStats::NAME, &ends, Duration::ZERO);
    match waiting.await {
        Ok(()) => Ok(true),
        Err(WaitError::Behind { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The number of messages that would still be sent.
fn left(figures: &CampaignFigures) -> i64 {
    figures.queued() + figures.undeliverable()
}

/// Whether every message has ended. A message that has ended stays so, so
/// figures that lag can only show too few.
fn is_over(figures: &CampaignFigures, size: AudienceSize) -> bool {
    let open = left(figures) + figures.awaiting_receipt();
    open == 0 && figures.audience().unsigned_abs() >= size.planned
}

/// Whether only receipts are missing, and none has come for [`SILENCE`].
fn is_silent(figures: &CampaignFigures, now: Timestamp) -> bool {
    let last_at = figures.last_at.map_or(0, |at| at.timestamp_millis());
    let quiet = u128::try_from(now.millis() - last_at).unwrap_or_default();
    figures.queued() == 0 && figures.awaiting_receipt() > 0 && quiet > SILENCE.as_millis()
}

/// Logs a failure with one campaign, which must not hold back others.
fn tell(id: &CampaignId, done: Result<(), WorkError>) {
    if let Err(error) = done {
        tracing::warn!(campaign = %id, %error, "it cannot be ended, trying again");
    }
}

async fn complete(shared: &Shared, id: &CampaignId, size: AudienceSize) -> Result<(), WorkError> {
    let request = request_of(&shared.log, id, "campaign_launched").await?;
    let context = context(ACTOR, request);
    let completed = shared.commands.complete_campaign(&context, id.clone());
    match completed.await? {
        Ok(_) => tracing::info!(campaign = %id, planned = size.planned, "completed"),
        Err(refusal) => tracing::error!(campaign = %id, %refusal, "it cannot be completed"),
    }
    Ok(())
}

/// Suppresses the remaining messages of a cancelled campaign.
async fn suppress(shared: &Shared, id: &CampaignId) -> Result<(), WorkError> {
    let request = request_of(&shared.log, id, "campaign_cancelled").await?;
    let context = context(ACTOR, request);
    let open = [MessageStatus::Queued, MessageStatus::Undeliverable];
    let (mut after, mut count): (Option<String>, usize) = (None, 0);
    loop {
        let found = shared
            .store
            .messages_with(id, &open, after.as_deref(), BATCH)
            .await?;
        let Some(last) = found.last() else {
            break;
        };
        after = Some(last.to_string());
        count += found.len();
        let suppress = |id: MessageId| (id, MessageCommand::Suppress(Suppression::Cancelled));
        let commands = found.into_iter().map(suppress).collect();
        shared.commands.on_messages(&context, commands).await?;
    }
    if count > 0 {
        metrics::messages("suppressed", count as u64);
        tracing::info!(campaign = %id, count, "cancelled: what was not sent is suppressed");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(queued: i64, sent: i64, undeliverable: i64, ended: i64) -> CampaignFigures {
        let mut figures = CampaignFigures::default();
        figures.by_status.queued = queued;
        figures.by_status.sent = sent;
        figures.by_status.undeliverable = undeliverable;
        figures.by_status.delivered = ended;
        figures
    }

    #[test]
    fn a_campaign_is_over_when_all_its_messages_have_ended() {
        let size = AudienceSize {
            planned: 3,
            queued: 3,
            suppressed: 0,
        };
        assert!(is_over(&figures(0, 0, 0, 3), size));
        assert!(!is_over(&figures(0, 0, 0, 2), size), "not all are known");
        for open in [
            figures(1, 0, 0, 2),
            figures(0, 1, 0, 2),
            figures(0, 0, 1, 2),
        ] {
            assert!(!is_over(&open, size), "{open:?}");
        }
    }

    #[test]
    fn a_vendor_is_silent_when_only_receipts_are_waited_for_and_none_comes() {
        let is_silent = |queued, sent, minutes: i64| {
            let figures = CampaignFigures {
                last_at: Some(bson::DateTime::from_millis(0)),
                ..figures(queued, sent, 0, 5)
            };
            is_silent(&figures, Timestamp::from_millis(minutes * 60_000).unwrap())
        };
        assert!(is_silent(0, 1, 16));
        assert!(!is_silent(0, 1, 14), "it may take its time");
        assert!(!is_silent(0, 0, 16), "nothing is waited for");
        assert!(!is_silent(1, 1, 16), "it is still being sent");
        assert!(!is_silent(0, 1, -16), "by another clock");
    }

    #[test]
    fn a_campaign_for_nobody_is_over() {
        let nobody = AudienceSize {
            planned: 0,
            queued: 0,
            suppressed: 0,
        };
        assert!(is_over(&CampaignFigures::default(), nobody));
    }
}
