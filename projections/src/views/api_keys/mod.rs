//! The view `api_keys`.

mod document;
mod fold;
mod query;
#[cfg(test)]
mod tests;

use bson::doc;
use domain::Subject;
use eventlog::Position;
use mongodb::IndexModel;

pub use document::ApiKeyDocument;

use crate::runtime::recorded::Recorded;
use crate::runtime::view::{FoldError, View};

/// The view `api_keys`: one document per key, revoked keys included.
pub struct ApiKeys;

impl View for ApiKeys {
    const NAME: &'static str = "api_keys";
    type Document = ApiKeyDocument;

    fn document_of(subject: &Subject, _: Position) -> Option<String> {
        match subject {
            Subject::ApiKey(key) => Some(key.to_string()),
            _ => None,
        }
    }

    fn fold(
        document: Option<ApiKeyDocument>,
        event: &Recorded,
    ) -> Result<ApiKeyDocument, FoldError> {
        fold::fold(document, event)
    }

    fn indexes() -> Vec<IndexModel> {
        let newest = doc! {"created_at": -1, "_id": -1};
        vec![IndexModel::builder().keys(newest).build()]
    }
}
