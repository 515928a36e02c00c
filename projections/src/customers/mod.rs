//! Customers: who they are, what they bought, what they did.

#[cfg(test)]
mod bucket_tests;
mod buckets;
mod busy;
mod counting;
mod days;
mod deciles;
mod document;
mod filter;
mod fold;
mod lookalikes;
mod members;
mod past;
mod preview;
mod query;
mod store_facts;
#[cfg(test)]
mod tests;
mod times;
mod view;

use bson::doc;
use chrono_tz::Tz;
use domain::Subject;
use eventlog::Position;
use mongodb::IndexModel;
use mongodb::options::IndexOptions;

use buckets::Buckets;
pub use busy::{Busy, BusyHours};
pub(crate) use counting::Counting;
pub use days::{DayCount, Days};
pub use document::{CustomerDocument, EventFacts, FoldedTexts, TimesWithin};
pub use filter::filter;
pub use lookalikes::{Centre, Feature, Likeness, Lookalike, Lookalikes, MAX_LOOKALIKES};
pub use past::preview_at;
pub use preview::{NodeCount, Preview};
pub use store_facts::StoreFacts;
pub use times::Times;
use times::{Limits, Unsettled};
pub(crate) use view::WithBuckets;

use fold::Around;

use crate::Recorded;
use crate::parts::Parts;
use crate::view::{FoldError, View};

/// The view `customers`, a document per customer, whether registered or only
/// known from their orders.
pub struct Customers;

impl Customers {
    /// The document after an event, with all times in it: the same as the
    /// view's, as long as that has no need of buckets. Days are those of the
    /// time zone.
    ///
    /// # Errors
    /// As [`View::fold`].
    pub fn fold_in_memory(
        document: Option<CustomerDocument>,
        event: &Recorded,
        zone: Tz,
    ) -> Result<CustomerDocument, FoldError> {
        let parts = Parts::new();
        let mut around = Around {
            limits: &Limits::NONE,
            zone,
            buckets: Buckets::given("", &parts),
        };
        fold::fold(document, event, &mut around).map_err(|unsettled| match unsettled {
            Unsettled::Unfit(error) => error,
            other => FoldError(format!("there are no buckets in memory: {other:?}")),
        })
    }
}

impl View for Customers {
    const NAME: &'static str = "customers";
    /// Since 2 with folded texts and the times within attributes, since 3 with
    /// days, and with buckets of times.
    const FOLD: i32 = 3;
    type Document = CustomerDocument;

    fn document_of(subject: &Subject, _: Position) -> Option<String> {
        match subject {
            Subject::Customer(id) | Subject::Order(id, _) | Subject::Activity(id, _) => {
                Some(id.as_str().to_owned())
            }
            // What is sent to a customer changes no fact about them.
            Subject::Message(..)
            | Subject::Campaign(_)
            | Subject::Segment(_)
            | Subject::View(_)
            | Subject::User(_)
            | Subject::ApiKey(_)
            | Subject::Refusals(_)
            | Subject::Assistance(_)
            | Subject::Log(_)
            | Subject::Quarantine(_) => None,
        }
    }

    /// [In memory](Self::fold_in_memory), with the days of UTC.
    fn fold(
        document: Option<CustomerDocument>,
        event: &Recorded,
    ) -> Result<CustomerDocument, FoldError> {
        Self::fold_in_memory(document, event, Tz::UTC)
    }

    /// Chosen for what rules ask, so that counting needs no document. Every
    /// one that holds a figure of orders is written with every order: there
    /// are three, and rules about a place and orders look at the customers of
    /// that place.
    fn indexes() -> Vec<IndexModel> {
        let whole = |keys| IndexModel::builder().keys(keys).build();
        // Small: customers leave it with their first order.
        let without_orders = |field: &str| {
            let options = IndexOptions::builder()
                .name(format!("{field} without orders"))
                .partial_filter_expression(doc! {"order_count": 0})
                .build();
            let keys = doc! {"order_count": 1, field: 1};
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
        ]
    }
}
