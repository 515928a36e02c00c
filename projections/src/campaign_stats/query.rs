//! What is asked of campaigns' numbers.

use std::collections::{BTreeSet, HashMap};

use bson::doc;
use domain::CampaignId;
use futures::TryStreamExt;

use super::{CampaignFigures, CampaignStats, CampaignStatsDocument, UNSENT};
use crate::view::View;
use crate::{QueryError, Store};

impl Store {
    /// The numbers of each of these campaigns; nought where there is no
    /// message yet.
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
        let nought = campaigns
            .iter()
            .map(|&id| (id.clone(), CampaignFigures::default()));
        let mut all: HashMap<_, _> = nought.collect();
        while let Some(part) = found.try_next().await? {
            let figures = all.entry(part.campaign_id).or_default();
            figures.add(&part.figures);
        }
        Ok(all)
    }

    /// The campaigns with messages that are queued or undeliverable: of those that
    /// have not ended, and of those that were cancelled a moment ago.
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
