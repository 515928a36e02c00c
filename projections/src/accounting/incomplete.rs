//! Campaigns with statistics that leave out events.

use std::collections::{BTreeSet, HashSet};

use bson::{Bson, doc};
use domain::CampaignId;

use crate::runtime::store::{QueryError, Store};
use crate::runtime::view::View;
use crate::views::campaign_stats::CampaignStats;

impl Store {
    /// Returns the campaigns among these whose statistics leave out an event
    /// that is in quarantine. Runs one query on the notes, which visits at most
    /// one index key per campaign and partition that leaves anything out.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn incomplete_campaigns(
        &self,
        campaigns: &[&CampaignId],
    ) -> Result<HashSet<CampaignId>, QueryError> {
        // Ids in `campaign_stats` have the form `campaign/partition`.
        let starts: BTreeSet<String> = campaigns.iter().map(|id| format!("{id}/")).collect();
        let (Some(first), Some(last)) = (starts.first(), starts.last()) else {
            return Ok(HashSet::new());
        };
        let generation = self.generations().active(CampaignStats::NAME).await?;
        let filter = doc! {
            "view": CampaignStats::NAME,
            "generation": generation,
            // `~` sorts after every digit of a partition.
            "document": {"$gte": first, "$lt": format!("{last}~")},
        };
        let documents = self.quarantine().distinct("document", filter).await?;
        let documents: HashSet<&str> = documents
            .iter()
            .filter_map(Bson::as_str)
            .filter_map(|document| document.split_once('/'))
            .map(|(campaign, _)| campaign)
            .collect();
        let incomplete = campaigns.iter().copied();
        let incomplete = incomplete.filter(|campaign| documents.contains(campaign.as_str()));
        Ok(incomplete.cloned().collect())
    }
}
