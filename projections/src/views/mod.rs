//! The views. Each has a file or a folder with its document, its fold and its
//! queries.

pub mod api_keys;
pub mod audit;
pub mod campaign_stats;
pub mod campaigns;
pub mod customers;
pub mod daily_figures;
#[cfg(test)]
mod history;
pub mod imports;
pub mod messages;
pub mod orders;
pub mod segments;
pub mod suppressions;
pub mod users;

use std::marker::PhantomData;

use crate::runtime::store::{Store, StoreOptions};
use crate::runtime::view::{AnyView, Typed};

use api_keys::ApiKeys;
use audit::Audit;
use campaign_stats::CampaignStats;
use campaigns::Campaigns;
use customers::CustomersWithBuckets;
use daily_figures::DailyFigures;
use imports::Imports;
use messages::Messages;
use orders::Orders;
use segments::Segments;
use suppressions::Suppressions;
use users::Users;

/// Every view of this program.
pub const VIEWS: [&'static dyn AnyView; 12] = [
    &CustomersWithBuckets,
    &Typed::<Orders>(PhantomData),
    &Audit,
    &Typed::<Segments>(PhantomData),
    &Typed::<Campaigns>(PhantomData),
    &Typed::<Messages>(PhantomData),
    &Typed::<CampaignStats>(PhantomData),
    &Typed::<Users>(PhantomData),
    &Typed::<ApiKeys>(PhantomData),
    &DailyFigures,
    &Typed::<Imports>(PhantomData),
    &Typed::<Suppressions>(PhantomData),
];

/// Returns the view with this name.
pub fn view_named(name: &str) -> Option<&'static dyn AnyView> {
    VIEWS.into_iter().find(|view| view.name() == name)
}

impl Store {
    /// Opens the database without connecting: the first command connects. Reads
    /// go to the primary and writes to a majority, regardless of the URI.
    ///
    /// # Errors
    /// If the URI cannot be parsed.
    pub async fn open(options: &StoreOptions) -> Result<Self, mongodb::error::Error> {
        Self::with_views(options, &VIEWS).await
    }
}
