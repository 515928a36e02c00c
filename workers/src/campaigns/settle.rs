//! End of campaigns: completes those whose messages have all ended, and suppresses the
//! remaining messages of cancelled ones.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use commands::CommandEffect;
use domain::{
    AudienceSize, CampaignCommand, CampaignId, CampaignStatus, Message, MessageCommand, MessageId,
    MessageStatus, Suppression, Timestamp,
};
use projections::Topics;
use projections::campaign_stats::CampaignFigures;
use tokio_util::sync::CancellationToken;

use super::context::{context, request_of};
use super::error::WorkError;
use super::{memory, metrics};
use crate::clock::now;
use crate::periodic::{NextRun, Periodic, PeriodicTask};
use crate::shared::SharedResources;

/// Actor of the recorded events.
const ACTOR: &str = "worker:delivery";

/// Longest time between two checks, if no notice arrives.
const LOOK: Duration = Duration::from_secs(5);

/// Shortest time between two checks.
const SHORTEST: Duration = Duration::from_millis(200);

/// Delay after a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(2);

/// Time without receipts after which the vendor counts as silent.
const SILENCE: Duration = Duration::from_secs(15 * 60);

/// Interval between warnings about a silent vendor.
const WARN_AGAIN: Duration = Duration::from_secs(60 * 60);

/// Number of possibly open messages from which on a campaign counts as not over, without
/// a read of their heads.
const MANY: usize = 1_000;

/// Number of messages that are suppressed in one append.
const BATCH: usize = 2_000;

const TASK: Periodic = Periodic {
    name: "end campaigns",
    topics: Topics::CAMPAIGNS.and(Topics::MESSAGES),
    after_failure: AFTER_FAILURE,
};

/// Ends campaigns until stopped.
pub(crate) async fn run(shared: &SharedResources, stop: &CancellationToken) {
    TASK.run(shared, stop, Settling::default()).await;
}

impl PeriodicTask for Settling {
    type Error = WorkError;

    async fn run(&mut self, shared: &SharedResources) -> Result<NextRun, WorkError> {
        let sending = shared.store.campaigns_in(&[CampaignStatus::Sending]);
        let sending = sending.await?.into_iter();
        let sizes = sending.filter_map(|c| Some((c.campaign_id, c.size?)));
        self.end(shared, sizes.collect()).await?;
        clean_up(shared).await?;
        Ok(NextRun {
            // Notices of messages arrive all the time during a large campaign;
            // without a minimum this task would run in a loop.
            least: SHORTEST,
            most: LOOK,
        })
    }
}

/// State between checks.
#[derive(Default)]
struct Settling {
    /// Campaigns for which a silent vendor was logged, and when.
    silent: HashMap<CampaignId, Instant>,
}

impl Settling {
    /// Completes campaigns whose messages have all ended, and warns about those that
    /// get no more receipts.
    async fn end(
        &mut self,
        shared: &SharedResources,
        sending: Vec<(CampaignId, AudienceSize)>,
    ) -> Result<(), WorkError> {
        if sending.is_empty() {
            return Ok(());
        }
        let ids: Vec<&CampaignId> = sending.iter().map(|(id, _)| id).collect();
        let figures = shared.store.campaign_stats(&ids).await?;
        let in_doubt = shared.store.campaigns_in_doubt(&shared.log, &ids).await?;
        self.silent.retain(|_, told| told.elapsed() < WARN_AGAIN);
        for (id, size) in &sending {
            let Some(figures) = figures.get(id) else {
                continue;
            };
            let is_over = is_over(figures, *size)
                || (in_doubt.contains(id) && is_over_by_heads(shared, id, *size).await?);
            if is_over {
                log_failure(id, complete(shared, id, *size).await);
            } else if is_silent(figures, now()) && !self.silent.contains_key(id) {
                let count = figures.awaiting_receipt();
                tracing::warn!(campaign = %id, count, "the vendor sends no receipts for accepted messages");
                self.silent.insert(id.clone(), Instant::now());
            }
        }
        Ok(())
    }
}

/// Suppresses the remaining messages of cancelled campaigns.
async fn clean_up(shared: &SharedResources) -> Result<(), WorkError> {
    // Found by their unsent messages, whenever they were cancelled: a cancellation may
    // reach the views late, and so may messages that were queued before it was noticed.
    let unsent = shared.store.campaigns_with_unsent().await?;
    for id in shared.store.cancelled_among(&unsent).await? {
        log_failure(&id, suppress(shared, &id).await);
    }
    Ok(())
}

/// Returns whether every message has ended, by the view's figures.
fn is_over(figures: &CampaignFigures, size: AudienceSize) -> bool {
    // Safe with figures that lag: a message that has ended remains ended, and figures
    // from the past can only show too few ended messages.
    let open = figures.queued() + figures.undeliverable() + figures.awaiting_receipt();
    open == 0 && figures.audience().unsigned_abs() >= size.planned
}

/// Returns whether every message has ended, by the messages' heads. Needed for a
/// campaign with messages whose events could not be folded, since its figures do not
/// include them.
async fn is_over_by_heads(
    shared: &SharedResources,
    id: &CampaignId,
    size: AudienceSize,
) -> Result<bool, WorkError> {
    let open = MessageStatus::OPEN;
    let mut left = shared.store.messages_with(id, &open, None, MANY).await?;
    if left.len() == MANY {
        return Ok(false);
    }
    let withheld = shared.store.set_aside_messages(id).await?;
    let (shown, hidden) = shared.store.count_messages(id, &withheld).await?;
    if shown + hidden < size.planned {
        return Ok(false);
    }
    left.extend(withheld);
    let messages = shared.commands.messages(&left).await?;
    let has_ended = |message: &Message| message.status().is_some_and(|s| !open.contains(&s));
    Ok(messages.iter().all(has_ended))
}

/// Returns whether only receipts are missing, and none has arrived for [`SILENCE`].
fn is_silent(figures: &CampaignFigures, now: Timestamp) -> bool {
    let last_at = figures.last_at.map_or(0, |at| at.timestamp_millis());
    let quiet = u128::try_from(now.millis() - last_at).unwrap_or_default();
    figures.queued() == 0 && figures.awaiting_receipt() > 0 && quiet > SILENCE.as_millis()
}

/// Logs a failure with one campaign, which must not hold back others.
fn log_failure(id: &CampaignId, done: Result<(), WorkError>) {
    if let Err(error) = done {
        tracing::warn!(campaign = %id, %error, "cannot end the campaign, trying again");
    }
}

async fn complete(
    shared: &SharedResources,
    id: &CampaignId,
    size: AudienceSize,
) -> Result<(), WorkError> {
    let request = request_of(&shared.log, id, &["campaign_launched"]).await?;
    let context = context(ACTOR, request);
    let completed =
        shared
            .commands
            .execute_on_campaign(&context, id.clone(), CampaignCommand::Complete);
    match completed.await? {
        Ok(_) => tracing::info!(campaign = %id, planned = size.planned, "completed the campaign"),
        Err(refusal) => {
            tracing::error!(campaign = %id, %refusal, "the campaign cannot be completed");
        }
    }
    Ok(())
}

/// Suppresses the remaining messages of a cancelled campaign.
async fn suppress(shared: &SharedResources, id: &CampaignId) -> Result<(), WorkError> {
    let request = request_of(&shared.log, id, &["campaign_cancelled"]).await?;
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
        // The remaining messages are found again in a later run, once there is memory.
        if !memory::has_room(&shared.log, found.len()).await? {
            tracing::debug!(campaign = %id, "Redis is short of memory: suppression is paused");
            break;
        }
        after = Some(last.to_string());
        let suppress = |id: MessageId| (id, MessageCommand::Suppress(Suppression::Cancelled));
        let commands = found.into_iter().map(suppress).collect();
        let done = shared
            .commands
            .execute_on_messages(&context, commands)
            .await?;
        // The view may lag: messages that were suppressed before do not count again.
        let done = done.iter().flatten();
        count += done
            .filter(|done| done.effect == CommandEffect::Updated)
            .count();
    }
    if count > 0 {
        metrics::messages("suppressed", count as u64);
        tracing::info!(campaign = %id, count, "suppressed the unsent messages of a cancelled campaign");
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
            undetermined: 0,
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
                last_at: Some(chrono::DateTime::UNIX_EPOCH.into()),
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
    fn a_campaign_without_recipients_is_over() {
        let nobody = AudienceSize {
            planned: 0,
            queued: 0,
            suppressed: 0,
            undetermined: 0,
        };
        assert!(is_over(&CampaignFigures::default(), nobody));
    }
}
