//! View `campaign_stats`: counts of each campaign's messages.

mod document;
mod fold;
mod query;
#[cfg(test)]
mod tests;

use bson::doc;
use domain::Subject;
use eventlog::Position;
use mongodb::IndexModel;
use mongodb::options::IndexOptions;

pub use document::{CampaignFigures, CampaignStatsDocument, MarkCounts, StatusCounts};

use crate::runtime::recorded::Recorded;
use crate::runtime::view::{FoldError, View};

/// Counts of messages that can still be sent.
const UNSENT: [&str; 2] = ["by_status.queued", "by_status.undeliverable"];

/// The view `campaign_stats`. A campaign's messages are in all partitions, but a
/// document is fed by one partition. There is therefore one document per campaign
/// and partition, with the id `CAMPAIGN/PARTITION`; queries sum them.
pub struct CampaignStats;

impl View for CampaignStats {
    const NAME: &'static str = "campaign_stats";
    const FOLD: i32 = 2;
    const IS_SHARED: bool = true;
    type Document = CampaignStatsDocument;

    fn document_of(subject: &Subject, position: Position) -> Option<String> {
        match subject {
            Subject::Message(_, campaign) => Some(format!("{campaign}/{}", position.partition)),
            _ => None,
        }
    }

    fn fold(
        document: Option<CampaignStatsDocument>,
        event: &Recorded,
    ) -> Result<CampaignStatsDocument, FoldError> {
        fold::fold(document, event)
    }

    fn indexes() -> Vec<IndexModel> {
        let by_campaign = doc! {"campaign_id": 1};
        let by_campaign = IndexModel::builder().keys(by_campaign).build();
        // These stay small: campaigns that have ended are not in them.
        let unsent = UNSENT.map(|count| {
            let options = IndexOptions::builder()
                .partial_filter_expression(doc! {count: {"$gt": 0}})
                .build();
            let index = IndexModel::builder().keys(doc! {count: 1});
            index.options(options).build()
        });
        unsent.into_iter().chain([by_campaign]).collect()
    }
}
