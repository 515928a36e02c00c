//! The view `segments`.

mod document;
mod fold;
mod query;
#[cfg(test)]
mod tests;

use bson::doc;
use domain::{MAX_RULES, Subject};
use eventlog::Position;
use mongodb::IndexModel;

pub use document::SegmentDocument;
pub use query::LiveSegment;

use crate::runtime::batch::MAX_DOCUMENT;
use crate::runtime::recorded::Recorded;
use crate::runtime::view::{FoldError, View};

// Every segment must fit a document, which has the rules as JSON and as text.
const _: () = assert!(8 * MAX_RULES < MAX_DOCUMENT);

/// The view `segments`: one document per segment, archived segments included.
pub struct Segments;

impl View for Segments {
    const NAME: &'static str = "segments";
    type Document = SegmentDocument;

    fn document_of(subject: &Subject, _: Position) -> Option<String> {
        match subject {
            Subject::Segment(segment) => Some(segment.to_string()),
            _ => None,
        }
    }

    fn fold(
        document: Option<SegmentDocument>,
        event: &Recorded,
    ) -> Result<SegmentDocument, FoldError> {
        fold::fold(document, event)
    }

    fn indexes() -> Vec<IndexModel> {
        let newest = doc! {"created_at": -1, "_id": -1};
        vec![IndexModel::builder().keys(newest).build()]
    }
}
