//! What is left of a hold whose holder died before it released it.

use std::time::Duration;

use domain::{
    Campaign, CampaignId, Holder, LoggedEvent, Metadata, SegmentEvent, SegmentId, Subject,
    Timestamp,
};

use crate::{CommandError, Commands, Context};

/// How long a creation may be under way: longer than any request.
const CREATION: Duration = Duration::from_secs(120);

impl Commands {
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
            // One that somebody else released just now is released too.
            let _released = self
                .release_segment(context, segment.clone(), holder.clone())
                .await?;
        }
        Ok(all)
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
                let age = since.map(|since| now.millis() - since.millis());
                Ok(age.is_some_and(|age| u128::try_from(age).unwrap_or(0) < CREATION.as_millis()))
            }
        }
    }

    async fn held_since(
        &self,
        segment: &SegmentId,
        holder: &Holder,
    ) -> Result<Option<Timestamp>, CommandError> {
        let subject = Subject::Segment(segment.clone());
        let key = self.log.layout().key(subject.to_string(), subject.route());
        let history = self.log.history(&key).await?;
        let held = history.iter().rev().find(|entry| {
            let event = SegmentEvent::decode(&entry.tag, &entry.data);
            matches!(event, Ok(SegmentEvent::Held { holder: by }) if by == *holder)
        });
        let metadata = held.map(|entry| serde_json::from_str::<Metadata>(&entry.meta));
        Ok(metadata.and_then(Result::ok).map(|metadata| metadata.at))
    }
}
