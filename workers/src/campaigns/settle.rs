//! Ending what is over: campaigns whose every message has ended are completed,
//! and what a cancelled one has left is suppressed.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use domain::{
    AudienceSize, CampaignId, CampaignStatus, MessageCommand, MessageId, MessageStatus, Suppression,
};
use eventlog::Positions;
use projections::campaign_stats::{CampaignFigures, CampaignStats};
use projections::{View, WaitError};
use tokio_util::sync::CancellationToken;

use super::{WorkError, context, metrics, request_of};
use crate::unit::Shared;

/// On whose behalf.
const ACTOR: &str = "worker:delivery";

/// How soon it is seen that a campaign is over.
const LOOK: Duration = Duration::from_millis(500);

/// How long to wait after a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(2);

/// How often all cancelled campaigns are looked at, and not only those that
/// were seen to be cancelled.
const LOOK_AT_ALL: Duration = Duration::from_secs(10 * 60);

/// How long after a cancellation its messages may still come: whoever queues
/// them has heard of it by then.
const AFTERMATH: Duration = Duration::from_secs(30);

/// Messages suppressed at once.
const BATCH: usize = 2_000;

/// Ends what is over, again and again.
pub(crate) async fn run(shared: &Shared, stop: &CancellationToken) {
    let mut settling = Settling::default();
    while !stop.is_cancelled() {
        let pause = match stop.run_until_cancelled(settling.look(shared)).await {
            None => return,
            Some(Ok(())) => LOOK,
            Some(Err(error)) => {
                tracing::warn!(%error, "cannot tell which campaigns are over, trying again");
                AFTER_FAILURE
            }
        };
        stop.run_until_cancelled(tokio::time::sleep(pause)).await;
    }
}

/// What is known from one look to the next.
#[derive(Default)]
struct Settling {
    /// Campaigns that have begun and are not settled, and since when they are
    /// known to be cancelled.
    watched: HashMap<CampaignId, Option<Instant>>,
    looked_at_all: Option<Instant>,
}

impl Settling {
    async fn look(&mut self, shared: &Shared) -> Result<(), WorkError> {
        use CampaignStatus::{Launching, Paused, Sending};
        let begun = shared
            .store
            .campaigns_in(&[Launching, Sending, Paused])
            .await?;
        for campaign in &begun {
            self.watched
                .entry(campaign.campaign_id.clone())
                .or_default();
        }
        let sending = begun.iter().filter(|campaign| campaign.status == Sending);
        let sizes = sending.filter_map(|c| Some((c.campaign_id.clone(), c.size?)));
        complete(shared, sizes.collect()).await?;
        let is_begun = |id: &CampaignId| begun.iter().any(|c| c.campaign_id == *id);
        let ended: Vec<CampaignId> = self.watched.keys().cloned().collect();
        for id in ended.into_iter().filter(|id| !is_begun(id)) {
            self.take_leave(shared, id).await?;
        }
        self.look_at_all(shared).await?;
        self.clean_up(shared).await
    }

    /// Watches a campaign that is not under way any more only if it was
    /// cancelled.
    async fn take_leave(&mut self, shared: &Shared, id: CampaignId) -> Result<(), WorkError> {
        let head = shared.commands.campaign(&id).await?;
        let status = head.and_then(|campaign| campaign.status());
        if status == Some(CampaignStatus::Cancelled) {
            let since = self.watched.entry(id).or_default();
            since.get_or_insert_with(Instant::now);
        } else {
            self.watched.remove(&id);
        }
        Ok(())
    }

    /// Finds cancelled campaigns that another process has left.
    async fn look_at_all(&mut self, shared: &Shared) -> Result<(), WorkError> {
        let looked = self.looked_at_all;
        if looked.is_some_and(|looked| looked.elapsed() < LOOK_AT_ALL) {
            return Ok(());
        }
        let cancelled = shared
            .store
            .campaigns_in(&[CampaignStatus::Cancelled])
            .await?;
        for campaign in cancelled {
            let since = self.watched.entry(campaign.campaign_id).or_default();
            since.get_or_insert_with(Instant::now);
        }
        self.looked_at_all = Some(Instant::now());
        Ok(())
    }

    /// Suppresses what cancelled campaigns have left, until there is nothing,
    /// and nothing more can come.
    async fn clean_up(&mut self, shared: &Shared) -> Result<(), WorkError> {
        let cancelled = self.watched.iter();
        let cancelled: Vec<(CampaignId, Instant)> = cancelled
            .filter_map(|(id, since)| Some((id.clone(), (*since)?)))
            .collect();
        if cancelled.is_empty() {
            return Ok(());
        }
        let may_end = cancelled.iter().any(|(_, at)| at.elapsed() > AFTERMATH);
        let is_current = may_end && is_current(shared).await?;
        let ids: Vec<&CampaignId> = cancelled.iter().map(|(id, _)| id).collect();
        let figures = shared.store.campaign_stats(&ids).await?;
        for (id, since) in &cancelled {
            let left = figures.get(id).map_or(0, left);
            if left > 0 {
                suppress(shared, id).await?;
            } else if is_current && since.elapsed() > AFTERMATH {
                self.watched.remove(id);
            }
        }
        Ok(())
    }
}

/// Whether the numbers show all that was appended.
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

/// Messages that would still be sent.
fn left(figures: &CampaignFigures) -> i64 {
    figures.queued() + figures.undeliverable()
}

/// Whether every message has ended. A message that has ended does not begin
/// again, so that numbers that are behind can only say too few.
fn is_over(figures: &CampaignFigures, size: AudienceSize) -> bool {
    let open = left(figures) + figures.awaiting_receipt();
    open == 0 && figures.audience().unsigned_abs() >= size.planned
}

async fn complete(
    shared: &Shared,
    sending: Vec<(CampaignId, AudienceSize)>,
) -> Result<(), WorkError> {
    if sending.is_empty() {
        return Ok(());
    }
    let ids: Vec<&CampaignId> = sending.iter().map(|(id, _)| id).collect();
    let figures = shared.store.campaign_stats(&ids).await?;
    let is_over = |(id, size): &&(CampaignId, AudienceSize)| {
        figures
            .get(id)
            .is_some_and(|figures| is_over(figures, *size))
    };
    for (id, size) in sending.iter().filter(is_over) {
        let request = request_of(&shared.log, id, "campaign_launched").await?;
        let context = context(ACTOR, request);
        let completed = shared.commands.complete_campaign(&context, id.clone());
        match completed.await? {
            Ok(_) => tracing::info!(campaign = %id, planned = size.planned, "completed"),
            Err(refusal) => tracing::error!(campaign = %id, %refusal, "it cannot be completed"),
        }
    }
    Ok(())
}

/// Suppresses all that a cancelled campaign has left.
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
    fn a_campaign_for_nobody_is_over() {
        let nobody = AudienceSize {
            planned: 0,
            queued: 0,
            suppressed: 0,
        };
        assert!(is_over(&CampaignFigures::default(), nobody));
    }
}
