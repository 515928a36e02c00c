//! View `customers`: the profile, orders and activity of each customer.

pub(crate) mod audience_history;
pub(crate) mod audiences;
#[cfg(test)]
mod bucket_tests;
pub(crate) mod buckets;
mod counting;
pub(crate) mod days;
pub(crate) mod document;
pub(crate) mod filter;
pub(crate) mod fold;
mod instant_counts;
mod instants;
pub(crate) mod members;
mod merges;
mod past;
pub(crate) mod paths;
mod preview;
mod query;
pub(crate) mod replay;
#[cfg(test)]
mod tests;
pub(crate) mod times;
pub(crate) mod view;

use bson::doc;
use chrono_tz::Tz;
use domain::Subject;
use eventlog::Position;
use mongodb::IndexModel;
use mongodb::options::IndexOptions;

use buckets::Buckets;
pub use days::{DayCount, Days};
pub use document::{CustomerDocument, EventFacts, FoldedTexts, MergeState, TimesWithin};
pub use filter::filter;
pub use past::preview_at;
pub use paths::path;
pub use preview::{NodeCount, Preview};
pub use times::Times;
use times::{FoldStop, TimesLimits};
pub(crate) use view::CustomersWithBuckets;

use fold::FoldContext;

use crate::runtime::parts::Parts;
use crate::runtime::recorded::Recorded;
use crate::runtime::view::{FoldError, View};

/// The view `customers`: one document per customer, including customers that
/// are known from orders or activities alone.
pub struct Customers;

impl Customers {
    /// Folds an event into a document that holds all times itself. The result
    /// equals the view's document as long as that one needs no buckets. Days
    /// are those of `zone`.
    ///
    /// # Errors
    /// [`FoldError`] if the event contradicts the document.
    pub fn fold_in_memory(
        document: Option<CustomerDocument>,
        event: &Recorded,
        zone: Tz,
    ) -> Result<CustomerDocument, FoldError> {
        let parts = Parts::new();
        let mut context = FoldContext {
            limits: &TimesLimits::NONE,
            zone,
            buckets: Buckets::new("", &parts),
        };
        fold::fold(document, event, &mut context).map_err(|stop| match stop {
            FoldStop::Invalid(error) => error,
            other => FoldError(format!("a fold in memory has no buckets: {other:?}")),
        })
    }
}

impl View for Customers {
    const NAME: &'static str = "customers";
    /// Version 2 added case-folded texts and the times within attributes;
    /// version 3 added days and buckets of times; version 4 folds the names of
    /// activities; version 5 added the ids of addresses; version 6 added merges.
    const FOLD: i32 = 7;
    type Document = CustomerDocument;

    fn document_of(subject: &Subject, _: Position) -> Option<String> {
        match subject {
            Subject::Customer(id) | Subject::Order(id, _) | Subject::Activity(id, _) => {
                Some(id.as_str().to_owned())
            }
            // Messages to a customer change no fact about the customer.
            Subject::Message(..)
            | Subject::Campaign(_)
            | Subject::Segment(_)
            | Subject::View(_)
            | Subject::User(_)
            | Subject::ApiKey(_)
            | Subject::Refusals(_)
            | Subject::Assistance(_)
            | Subject::Log(_)
            | Subject::Quarantine(_)
            | Subject::Demo
            | Subject::Import(_)
            | Subject::Address(_)
            | Subject::Claim(..)
            | Subject::Merges => None,
        }
    }

    /// Folds [in memory](Self::fold_in_memory), with days in UTC.
    fn fold(
        document: Option<CustomerDocument>,
        event: &Recorded,
    ) -> Result<CustomerDocument, FoldError> {
        Self::fold_in_memory(document, event, Tz::UTC)
    }

    /// Returns the indexes that rules need most, so that counting reads no
    /// documents. Every order updates each index on an order figure; there are
    /// only three. Rules about a city and orders read the customers of that
    /// city.
    fn indexes() -> Vec<IndexModel> {
        let whole = |keys| IndexModel::builder().keys(keys).build();
        // These stay small: a customer leaves them with the first order.
        let without_orders = |field: &str| {
            let options = IndexOptions::builder()
                .name(format!("{field} without orders"))
                .partial_filter_expression(doc! {"order_count": 0})
                .build();
            let keys = doc! {"order_count": 1, field: 1};
            IndexModel::builder().keys(keys).options(options).build()
        };
        // So does the first of these with the number of merged customers, and the
        // second one with that of merges under way.
        let of_merged = |field: &str| {
            let options = IndexOptions::builder()
                .partial_filter_expression(doc! {field: {"$exists": true}})
                .build();
            let keys = doc! {field: 1};
            IndexModel::builder().keys(keys).options(options).build()
        };
        vec![
            whole(doc! {"search": 1}),
            whole(doc! {"total_spend": 1, "last_order_at": 1}),
            whole(doc! {"order_count": 1, "total_spend": 1}),
            whole(doc! {"last_order_at": 1}),
            whole(doc! {"city": 1}),
            whole(doc! {"tags": 1}),
            whole(doc! {"registered_at": 1}),
            whole(doc! {"events.visit.count": 1}),
            whole(doc! {"attributes.$**": 1}),
            without_orders("registered_at"),
            without_orders("events.visit.count"),
            of_merged("merged.into"),
            of_merged("merged.open"),
        ]
    }
}
