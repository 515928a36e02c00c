//! The view `campaigns`.

mod document;
mod fold;
mod query;
#[cfg(test)]
mod tests;

use bson::doc;
use domain::Subject;
use eventlog::Position;
use mongodb::IndexModel;

pub use document::{CampaignDocument, LaunchDocument};

use crate::runtime::recorded::Recorded;
use crate::runtime::view::{FoldError, View};

/// The view `campaigns`: one document per campaign.
pub struct Campaigns;

impl View for Campaigns {
    const NAME: &'static str = "campaigns";
    const FOLD: i32 = 2;
    type Document = CampaignDocument;

    fn document_of(subject: &Subject, _: Position) -> Option<String> {
        match subject {
            Subject::Campaign(campaign) => Some(campaign.to_string()),
            _ => None,
        }
    }

    fn fold(
        document: Option<CampaignDocument>,
        event: &Recorded,
    ) -> Result<CampaignDocument, FoldError> {
        fold::fold(document, event)
    }

    fn indexes() -> Vec<IndexModel> {
        let newest = doc! {"created_at": -1, "_id": -1};
        let due = doc! {"status": 1, "scheduled_at": 1};
        [newest, due]
            .map(|keys| IndexModel::builder().keys(keys).build())
            .into()
    }
}
