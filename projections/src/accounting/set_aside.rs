//! Messages and statistics of campaigns that events in quarantine affect.

use std::collections::HashSet;

use bson::doc;
use domain::{CampaignId, MessageId, Subject};
use eventlog::{Log, Position};
use futures::TryStreamExt;

use crate::runtime::decisions::DecisionDocument;
use crate::runtime::recorded::subject_of;
use crate::runtime::store::{QueryError, Store};
use crate::runtime::view::View;
use crate::runtime::withheld::Withheld;
use crate::views::campaign_stats::CampaignStats;
use crate::views::messages::Messages;

/// Log entries read at once.
const ENTRIES: usize = 1_000;

impl Store {
    /// Returns the notes of a campaign's messages and statistics in the serving
    /// generations.
    pub(crate) async fn withheld_of(
        &self,
        campaign: &CampaignId,
    ) -> Result<Vec<Withheld>, QueryError> {
        let messages = (MessageId::start(campaign), MessageId::end(campaign));
        // `~` sorts after every digit of a partition.
        let figures = (format!("{campaign}/"), format!("{campaign}/~"));
        let mut withheld = Vec::new();
        for (view, (start, end)) in [(Messages::NAME, messages), (CampaignStats::NAME, figures)] {
            let generation = self.generations().active(view).await?;
            let ids = doc! {"$gte": start, "$lt": end};
            let filter = doc! {"view": view, "generation": generation, "document": ids};
            let collection = self.quarantine();
            let found = collection.find(filter);
            let found = found.sort(doc! {"partition": 1, "number": 1}).await?;
            withheld.extend(found.try_collect::<Vec<_>>().await?);
        }
        Ok(withheld)
    }

    /// Returns campaigns with statistics that may be wrong: an event of one of
    /// their messages is in quarantine, or an operator has decided about one.
    /// The result may include campaigns that are not in `campaigns`.
    ///
    /// # Errors
    /// If MongoDB or the log does not answer.
    pub async fn campaigns_in_doubt(
        &self,
        log: &Log,
        campaigns: &[&CampaignId],
    ) -> Result<HashSet<CampaignId>, QueryError> {
        let views = doc! {"$in": [Messages::NAME, CampaignStats::NAME]};
        let filter = doc! {"view": &views, "epoch": &*log.epoch()};
        let decisions = self.decisions().find(filter).await?;
        let decisions: Vec<DecisionDocument> = decisions.try_collect().await?;
        let events: Vec<Position> = decisions.iter().map(DecisionDocument::event).collect();
        let mut found = HashSet::new();
        for some in events.chunks(ENTRIES) {
            for entry in log.entries(some).await?.into_iter().flatten() {
                if let Ok(Subject::Message(_, campaign)) = subject_of(&entry) {
                    found.insert(campaign);
                }
            }
        }
        if self
            .quarantine()
            .find_one(doc! {"view": views})
            .await?
            .is_none()
        {
            return Ok(found);
        }
        for campaign in campaigns {
            if !self.withheld_of(campaign).await?.is_empty() {
                found.insert((*campaign).clone());
            }
        }
        Ok(found)
    }

    /// Returns a campaign's messages that are set aside.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn set_aside_messages(
        &self,
        campaign: &CampaignId,
    ) -> Result<Vec<MessageId>, QueryError> {
        let withheld = self.withheld_of(campaign).await?;
        let messages = withheld.iter().filter(|one| one.view == Messages::NAME);
        let ids = messages.filter_map(|one| one.document.parse().ok());
        Ok(ids.collect())
    }

    /// Returns the number of a campaign's messages in the view, and the number
    /// of `set_aside` messages that are not in the view.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn count_messages(
        &self,
        campaign: &CampaignId,
        set_aside: &[MessageId],
    ) -> Result<(u64, u64), QueryError> {
        let messages = self.serving::<bson::Document>(Messages::NAME).await?;
        let ids = doc! {"$gte": MessageId::start(campaign), "$lt": MessageId::end(campaign)};
        let all = doc! {"_id": ids};
        let shown = messages.count_documents(all).await?;
        let ids: Vec<String> = set_aside.iter().map(MessageId::to_string).collect();
        let among = messages.count_documents(doc! {"_id": {"$in": ids}}).await?;
        Ok((shown, set_aside.len() as u64 - among))
    }
}
