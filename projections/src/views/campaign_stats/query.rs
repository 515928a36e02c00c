//! Queries of the view `campaign_stats`.

use std::collections::{BTreeSet, HashMap};

use bson::doc;
use domain::CampaignId;
use futures::TryStreamExt;

use super::{CampaignFigures, CampaignStats, CampaignStatsDocument, UNSENT};
use crate::runtime::store::{QueryError, Store};
use crate::runtime::view::View;

impl Store {
    /// Returns the figures of each of these campaigns, summed over the partitions. All
    /// are 0 for a campaign without messages.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn campaign_stats(
        &self,
        campaigns: &[&CampaignId],
    ) -> Result<HashMap<CampaignId, CampaignFigures>, QueryError> {
        let ids: Vec<&str> = campaigns.iter().map(|id| id.as_str()).collect();
        let stats = self
            .serving::<CampaignStatsDocument>(CampaignStats::NAME)
            .await?;
        let mut found = stats.find(doc! {"campaign_id": {"$in": ids}}).await?;
        let zero = campaigns
            .iter()
            .map(|&id| (id.clone(), CampaignFigures::default()));
        let mut all: HashMap<_, _> = zero.collect();
        while let Some(part) = found.try_next().await? {
            let figures = all.entry(part.campaign_id).or_default();
            figures.add(&part.figures);
        }
        Ok(all)
    }

    /// Returns the campaigns with queued or undeliverable messages: campaigns that have
    /// not ended, and campaigns whose cancellation is still being carried out.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn campaigns_with_unsent(&self) -> Result<Vec<CampaignId>, QueryError> {
        let stats = self
            .serving::<CampaignStatsDocument>(CampaignStats::NAME)
            .await?;
        let any = UNSENT.map(|count| doc! {count: {"$gt": 0}});
        let mut found = stats.find(doc! {"$or": any.to_vec()}).await?;
        let mut campaigns = BTreeSet::new();
        while let Some(part) = found.try_next().await? {
            campaigns.insert(part.campaign_id);
        }
        Ok(campaigns.into_iter().collect())
    }
}
