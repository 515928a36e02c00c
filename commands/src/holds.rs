//! What is left of a hold whose holder died before it released it.

use std::time::Duration;

use domain::{
    Campaign, CampaignId, Holder, LoggedEvent, Metadata, Segment, SegmentEvent, SegmentId, Subject,
    Timestamp,
};
use eventlog::LogError;

use crate::kept::load_one;
use crate::{CommandError, Commands, Context};

/// How long a creation may be under way: longer than any request.
const CREATION: Duration = Duration::from_secs(120);

impl Commands {
    /// Releases a segment for those of its holders that need it no more, such as
    /// a campaign whose creation was cut short.
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
        self.release_idle(context, segment, &holders).await?;
        Ok(())
    }

    /// Releases the segment for those of `holders` that need it no more;
    /// whether all of them did.
    pub(crate) async fn release_idle(
        &self,
        context: &Context,
        segment: &SegmentId,
        holders: &[Holder],
    ) -> Result<bool, CommandError> {
        let mut all = true;
        for holder in holders {
            if self.needs(context.now, segment, holder).await? {
                all = false;
                continue;
            }
            tracing::info!(%segment, %holder, "nothing needs this hold any more: it is released");
            // One that somebody else released just now is released too.
            let _released = self
                .release_segment(context, segment.clone(), holder.clone())
                .await?;
            // A creation that took too long may have made sure of its hold just
            // before that.
            if self.needs_again(holder).await? {
                all = false;
                let held = self.hold_segment(context, segment.clone(), holder.clone());
                if let Err(refusal) = held.await? {
                    tracing::error!(%segment, %holder, %refusal, "it cannot be held again");
                }
            }
        }
        Ok(all)
    }

    /// Whether the campaign waits for its time after all.
    async fn needs_again(&self, holder: &Holder) -> Result<bool, CommandError> {
        let Ok(campaign) = CampaignId::try_from(holder.as_str()) else {
            return Ok(false);
        };
        let campaign = self.campaign(&campaign).await?.unwrap_or_default();
        Ok(campaign.due_at().is_some())
    }

    /// Whether a campaign still relies on its hold: while it waits for its
    /// time, and while it may be about to be created.
    async fn needs(
        &self,
        now: Timestamp,
        segment: &SegmentId,
        holder: &Holder,
    ) -> Result<bool, CommandError> {
        let Ok(campaign) = CampaignId::try_from(holder.as_str()) else {
            return Ok(true);
        };
        match self.campaign(&campaign).await? {
            Some(campaign) => Ok(Campaign::due_at(&campaign).is_some()),
            None => {
                let since = self.held_since(segment, holder).await?;
                Ok(since.is_some_and(|since| is_recent(since, now)))
            }
        }
    }

    /// When the holder began to hold the segment; `None` if that was so long ago
    /// that it was trimmed. The latest events are read first: a hold that nothing
    /// needs is seldom old.
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
                // An operator has trimmed it, which nobody does within minutes.
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

/// Whether a creation that began then may still be under way.
fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    let age = u128::try_from(now.millis() - at.millis()).unwrap_or_default();
    age < CREATION.as_millis()
}
