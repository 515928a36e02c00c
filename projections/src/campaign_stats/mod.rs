//! What becomes of campaigns' messages, in numbers.

mod document;
mod fold;
mod query;
#[cfg(test)]
mod tests;

use bson::doc;
use domain::Subject;
use eventlog::Position;
use mongodb::IndexModel;

pub use document::{CampaignFigures, CampaignStatsDocument, StatusCounts};

use crate::Recorded;
use crate::view::{FoldError, View};

/// The view `campaign_stats`. A campaign's messages are in all partitions, and
/// a document is fed by one: there is one per campaign and partition, with the
/// id `CAMPAIGN/PARTITION`, and they are summed when asked.
pub struct CampaignStats;

impl View for CampaignStats {
    const NAME: &'static str = "campaign_stats";
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
        vec![IndexModel::builder().keys(by_campaign).build()]
    }
}
