//! Cleanup of segment holds that their holders no longer need.

use std::time::Duration;

use domain::{
    Campaign, CampaignId, CampaignStatus, Holder, LoggedEvent, Metadata, Segment, SegmentCommand,
    SegmentEvent, SegmentId, Subject, Timestamp,
};
use eventlog::LogError;

use crate::heads::load_one;
use crate::{CommandError, Commands, Context};

/// Longest time for which a creation or a launch may be in progress. Longer than the time
/// limit of any request.
const IN_PROGRESS: Duration = Duration::from_secs(120);

impl Commands {
    /// Releases a segment's holds that are no longer needed, such as the hold
    /// of a campaign whose creation was interrupted.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn release_idle_holds(
        &self,
        context: &Context,
        segment: &SegmentId,
    ) -> Result<(), CommandError> {
        let held = self.segment(segment).await?.unwrap_or_default();
        let holders: Vec<Holder> = held.held_by().cloned().collect();
        self.release_unneeded(context, segment, &holders).await?;
        Ok(())
    }

    /// Releases those of the given holds that are no longer needed. Returns
    /// whether all of them were released.
    pub(crate) async fn release_unneeded(
        &self,
        context: &Context,
        segment: &SegmentId,
        holders: &[Holder],
    ) -> Result<bool, CommandError> {
        let mut all = true;
        for holder in holders {
            if self.needs_hold(context.now, segment, holder).await? {
                all = false;
                continue;
            }
            tracing::info!(%segment, %holder, "releasing a hold that is no longer needed");
            // A hold that was released concurrently counts as released too.
            let _released = self
                .execute(
                    context,
                    segment.clone(),
                    SegmentCommand::Release(holder.clone()),
                )
                .await?;
            // A slow creation may have confirmed its hold just before the
            // release. The campaign then relies on the hold, so it is restored.
            if self.is_scheduled(segment, holder).await? {
                all = false;
                let held = self.execute(
                    context,
                    segment.clone(),
                    SegmentCommand::Hold(holder.clone()),
                );
                if let Err(refusal) = held.await? {
                    tracing::error!(%segment, %holder, %refusal, "failed to restore a needed hold");
                }
            }
        }
        Ok(all)
    }

    /// Returns whether the holder is a campaign that is scheduled for the segment.
    async fn is_scheduled(
        &self,
        segment: &SegmentId,
        holder: &Holder,
    ) -> Result<bool, CommandError> {
        let Ok(campaign) = CampaignId::try_from(holder.as_str()) else {
            return Ok(false);
        };
        let campaign = self.campaign(&campaign).await?.unwrap_or_default();
        Ok(is_scheduled_for(&campaign, segment))
    }

    /// Returns whether a campaign still relies on its hold: while it is
    /// scheduled, and while its creation or the launch of its draft may be in
    /// progress. A holder that is not a campaign always needs its hold.
    async fn needs_hold(
        &self,
        now: Timestamp,
        segment: &SegmentId,
        holder: &Holder,
    ) -> Result<bool, CommandError> {
        let Ok(campaign) = CampaignId::try_from(holder.as_str()) else {
            return Ok(true);
        };
        match self.campaign(&campaign).await? {
            Some(campaign) if campaign.status() != Some(CampaignStatus::Draft) => {
                Ok(is_scheduled_for(&campaign, segment))
            }
            _ => {
                let since = self.held_since(segment, holder).await?;
                let may_be_in_progress = |since: Timestamp| {
                    let age = u128::try_from(now.millis() - since.millis()).unwrap_or_default();
                    age < IN_PROGRESS.as_millis()
                };
                Ok(since.is_some_and(may_be_in_progress))
            }
        }
    }

    /// Returns when the holder began to hold the segment; `None` if that event
    /// was trimmed or does not exist. Reads the latest events first, since a hold
    /// that is no longer needed is usually recent.
    async fn held_since(
        &self,
        segment: &SegmentId,
        holder: &Holder,
    ) -> Result<Option<Timestamp>, CommandError> {
        let subject = Subject::Segment(segment.clone());
        let key = self.log.layout().key(subject.to_string(), subject.route());
        let mut last = load_one::<Segment>(&self.log, &key).await?.position(&key);
        while last.number > 0 {
            let entry = match self.log.history_back(&key, last, 1).await {
                // Only an operator trims the log, and never events that are
                // minutes old: the hold is older than any creation in progress.
                Err(LogError::Trimmed { .. }) => return Ok(None),
                entry => entry?.pop(),
            };
            let Some(entry) = entry else { break };
            let event = SegmentEvent::decode(&entry.tag, &entry.data);
            if matches!(event, Ok(SegmentEvent::Held { holder: by }) if by == *holder) {
                let metadata = serde_json::from_str::<Metadata>(&entry.meta).ok();
                return Ok(metadata.map(|metadata| metadata.at));
            }
            last.number = entry.previous;
        }
        Ok(None)
    }
}

/// Returns whether a campaign waits for its time and takes its rules from the
/// segment.
fn is_scheduled_for(campaign: &Campaign, segment: &SegmentId) -> bool {
    campaign.due_at().is_some() && campaign.held_segment() == Some(segment)
}
