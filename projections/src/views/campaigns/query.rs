//! Queries of the view `campaigns`.

use bson::{Bson, DateTime, Document, doc};
use domain::{CampaignId, CampaignStatus, Subject, Timestamp};
use eventlog::{Log, Position};
use futures::TryStreamExt;

use super::{CampaignDocument, Campaigns};
use crate::runtime::date::date;
use crate::runtime::page::{Page, PageRequest};
use crate::runtime::recorded::EntryReader;
use crate::runtime::store::{QueryError, Store};
use crate::runtime::view::View;

/// Key of the field that only the documents of deleted drafts have.
const DELETED: &str = "is_deleted";

impl Store {
    /// Returns a campaign; `None` also for a draft that was deleted.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn campaign(&self, id: &CampaignId) -> Result<Option<CampaignDocument>, QueryError> {
        let campaigns = self.serving::<CampaignDocument>(Campaigns::NAME).await?;
        let filter = doc! {"_id": id.as_str(), DELETED: Bson::Null};
        Ok(campaigns.find_one(filter).await?)
    }

    /// Returns a campaign as the view shows it once it has folded the campaign's
    /// event at `last`; `None` also for a draft that was deleted. An event that
    /// cannot be folded sets the document aside: it stays as it was.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB or the log does not answer.
    pub async fn campaign_at(
        &self,
        log: &Log,
        id: &CampaignId,
        last: Position,
    ) -> Result<Option<CampaignDocument>, QueryError> {
        let subject = Subject::Campaign(id.clone());
        let key = log.layout().key(subject.to_string(), subject.route());
        let newest = log.history_back(&key, last, 1).await?;
        let version = newest.first().map_or(0, |entry| entry.version);
        let mut document = match self.serving::<CampaignDocument>(Campaigns::NAME).await {
            Ok(campaigns) => campaigns.find_one(doc! {"_id": id.as_str()}).await?,
            Err(QueryError::NotBuilt(_)) => None,
            Err(error) => return Err(error),
        };
        let folded = document
            .as_ref()
            .map_or(0, |document| document.version as u64);
        let entries = match version.saturating_sub(folded) {
            0 => Vec::new(),
            missing => {
                let missing = usize::try_from(missing).unwrap_or(usize::MAX);
                log.history_back(&key, last, missing).await?
            }
        };
        let mut reader = EntryReader::default();
        for entry in entries.into_iter().rev() {
            let Ok(event) = reader.read(entry) else { break };
            let Ok(after) = Campaigns::fold(document.clone(), &event) else {
                break;
            };
            document = Some(after);
        }
        Ok(document.filter(|document| !document.is_deleted))
    }

    /// Returns a page of all campaigns, newest first.
    ///
    /// # Errors
    /// [`QueryError`] if the cursor is invalid or MongoDB does not answer.
    pub async fn campaigns(
        &self,
        page: &PageRequest,
    ) -> Result<Page<CampaignDocument>, QueryError> {
        let place =
            |campaign: &CampaignDocument| (campaign.created_at, campaign.campaign_id.to_string());
        let existing = doc! {DELETED: Bson::Null};
        self.newest(Campaigns::NAME, existing, page, place).await
    }

    /// Returns all campaigns in one of these statuses, oldest first.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn campaigns_in(
        &self,
        statuses: &[CampaignStatus],
    ) -> Result<Vec<CampaignDocument>, QueryError> {
        let names: Vec<_> = statuses.iter().map(|status| status.name()).collect();
        self.oldest_campaigns(doc! {"status": {"$in": names}}).await
    }

    /// Returns the scheduled campaigns that are due, oldest first.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn campaigns_due(&self, now: Timestamp) -> Result<Vec<CampaignDocument>, QueryError> {
        let now = date(now);
        let waits = CampaignStatus::Scheduled.name();
        let filter = doc! {"status": waits, "scheduled_at": {"$lte": now}};
        self.oldest_campaigns(filter).await
    }

    /// Returns the time of the next scheduled launch after `now`.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn next_campaign_due(&self, now: Timestamp) -> Result<Option<DateTime>, QueryError> {
        let waits = CampaignStatus::Scheduled.name();
        let filter = doc! {"status": waits, "scheduled_at": {"$gt": date(now)}};
        let campaigns = self.serving::<CampaignDocument>(Campaigns::NAME).await?;
        let next = campaigns.find_one(filter).sort(doc! {"scheduled_at": 1});
        Ok(next.await?.and_then(|campaign| campaign.scheduled_at))
    }

    /// Returns the campaigns among these that were cancelled.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn cancelled_among(&self, ids: &[CampaignId]) -> Result<Vec<CampaignId>, QueryError> {
        let ids: Vec<&str> = ids.iter().map(CampaignId::as_str).collect();
        let cancelled = CampaignStatus::Cancelled.name();
        let filter = doc! {"_id": {"$in": ids}, "status": cancelled};
        let found = self.oldest_campaigns(filter).await?.into_iter();
        Ok(found.map(|campaign| campaign.campaign_id).collect())
    }

    async fn oldest_campaigns(
        &self,
        filter: Document,
    ) -> Result<Vec<CampaignDocument>, QueryError> {
        let campaigns = self.serving::<CampaignDocument>(Campaigns::NAME).await?;
        let oldest = doc! {"created_at": 1, "_id": 1};
        let cursor = campaigns.find(filter).sort(oldest).await?;
        Ok(cursor.try_collect().await?)
    }
}
