//! Customers: who they are, what they bought, what they did.

mod document;
mod filter;
mod fold;
mod members;
mod past;
mod query;
#[cfg(test)]
mod tests;

use bson::doc;
use mongodb::IndexModel;

pub use document::{CustomerDocument, EventFacts, FoldedTexts, TimesWithin};
pub use filter::filter;
pub use members::{Members, NodeCount, Preview};
pub use past::preview_at;

use crate::Recorded;
use crate::view::{FoldError, View};

/// The view `customers`, a document per customer, whether registered or only
/// known from their orders.
pub struct Customers;

impl View for Customers {
    const NAME: &'static str = "customers";
    type Document = CustomerDocument;

    fn document_of(event: &Recorded) -> Option<String> {
        event.subject.customer().map(|id| id.as_str().to_owned())
    }

    fn fold(
        document: Option<CustomerDocument>,
        event: &Recorded,
    ) -> Result<CustomerDocument, FoldError> {
        fold::fold(document, event)
    }

    fn indexes() -> Vec<IndexModel> {
        vec![IndexModel::builder().keys(doc! {"search": 1}).build()]
    }
}
