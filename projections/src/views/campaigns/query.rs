//! Queries of the view `campaigns`.

use bson::{DateTime, Document, doc};
use domain::{CampaignId, CampaignStatus, Timestamp};
use futures::TryStreamExt;

use super::{CampaignDocument, Campaigns};
use crate::runtime::date::date;
use crate::runtime::page::{Page, PageRequest};
use crate::runtime::store::{QueryError, Store};
use crate::runtime::view::View;

impl Store {
    /// Returns a campaign.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn campaign(&self, id: &CampaignId) -> Result<Option<CampaignDocument>, QueryError> {
        let campaigns = self.serving::<CampaignDocument>(Campaigns::NAME).await?;
        Ok(campaigns.find_one(doc! {"_id": id.as_str()}).await?)
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
        self.newest(Campaigns::NAME, doc! {}, page, place).await
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
