//! Whom a launch means: exactly the customers whom its rules match at its
//! clock, as the log's events up to its positions make them.
//!
//! Most customers have not changed since: their documents in the view
//! `customers` say so, and are taken as they are. All others are folded anew
//! from the log up to the positions, and asked in memory. So it makes no
//! difference when this is done, how often, or what has happened since.
//!
//! # Trimmed logs
//!
//! Trimmed events are needed in two cases. In the first, a view has not folded
//! them and never reaches the positions. [`require_launchable`] detects that
//! before a launch. In the second, a customer has changed since the launch and
//! has events below the floor, so that they cannot be folded again. At the time
//! of the launch nobody has changed since, so that this cannot be known then;
//! [`Recipients::require_history`] detects it before messages are queued.

mod past;

use bson::{Document, RawDocumentBuf, doc};
use domain::rules::Predicate;
use domain::{CustomerId, Launch};
use eventlog::{Log, LogError, Partition, Position, Positions};
use futures::TryStreamExt;
use mongodb::options::Hint;
use serde::Deserialize;

pub use past::customer_at;

use crate::audit::Audit;
use crate::campaign_stats::CampaignStats;
use crate::campaigns::Campaigns;
use crate::customers::{CustomerDocument, Customers, filter};
use crate::documents::Documents;
use crate::messages::Messages;
use crate::view::View;
use crate::{ProjectError, Store};
use past::{Past, gone_unless, pinned};

/// The most customers looked at for one batch.
const BATCH: usize = 1_000;

/// A customer whom a launch means.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipient {
    /// Who.
    pub customer: CustomerId,
    /// What was known of them at the launch.
    pub document: CustomerDocument,
}

/// Reads whom a launch means, in batches, by id; everybody once.
pub struct Recipients {
    customers: Documents,
    past: Past,
    rules: Predicate,
    /// Finds all whom the rules match as they are now, and all who have
    /// changed since the launch.
    filter: Document,
    /// The last customer looked at.
    after: String,
    /// How many are looked at for one batch.
    batch: usize,
    is_at_end: bool,
}

/// A customer's document as the view has it.
struct Found {
    place: Place,
    document: RawDocumentBuf,
}

/// What a document says of itself.
#[derive(Deserialize)]
struct Place {
    #[serde(rename = "_id")]
    customer: CustomerId,
    #[serde(rename = "_partition")]
    partition: Partition,
    #[serde(rename = "_number")]
    number: u64,
}

impl Recipients {
    /// All whom the launch means. Keeps to the generations of the views
    /// `customers` and `audit` that serve now, whichever do later.
    ///
    /// # Errors
    /// [`ProjectError::Behind`] where one of the two views has not reached the
    /// launch's positions; any other for MongoDB's reasons.
    pub async fn of(store: &Store, log: &Log, launch: &Launch) -> Result<Self, ProjectError> {
        let positions: Positions = launch.positions.as_str().parse()?;
        let rules = launch.rules.at(launch.clock);
        Ok(Self {
            customers: pinned(store, Customers::NAME, &positions).await?,
            filter: matching_or_changed(filter(&rules), &positions),
            past: Past::up_to(store, log, positions).await?,
            rules,
            after: String::new(),
            batch: BATCH,
            is_at_end: false,
        })
    }

    /// Checks that the log still has all events of those who have changed since
    /// the launch, as far as they are to be folded anew. Costs nothing for a
    /// log that was never trimmed.
    ///
    /// # Errors
    /// [`LogError::Trimmed`] if it has not; any other if the log or MongoDB does
    /// not answer.
    pub async fn require_history(&self) -> Result<(), ProjectError> {
        let floors = trimmed_floors(self.past.log()).await?;
        if floors.is_empty() {
            return Ok(());
        }
        let changed = doc! {"$or": changed_since(self.past.positions())};
        let mut after = self.after.clone();
        loop {
            let found = self.find(&changed, &after).await?;
            let ids: Vec<CustomerId> = found.into_iter().map(|f| f.place.customer).collect();
            let Some(last) = ids.last() else {
                return Ok(());
            };
            after = last.to_string();
            self.past.require(&ids, &floors).await?;
        }
    }

    /// Only those after this one, by id: where an earlier reading ended.
    #[must_use]
    pub fn after(mut self, customer: &CustomerId) -> Self {
        self.after = customer.to_string();
        self
    }

    /// In batches of up to this many, instead of 1,000.
    #[must_use]
    pub fn in_batches_of(mut self, most: usize) -> Self {
        self.batch = most.clamp(1, BATCH);
        self
    }

    /// Some more of them, never none; `None` when that was all.
    ///
    /// # Errors
    /// [`ProjectError`]; asked again, it goes on where it was.
    pub async fn next(&mut self) -> Result<Option<Vec<Recipient>>, ProjectError> {
        while !self.is_at_end {
            let found = self.find(&self.filter, &self.after).await?;
            let is_at_end = found.len() < self.batch;
            let last = found.last().map(|last| last.place.customer.to_string());
            let recipients = self.among(found).await?;
            self.after = last.unwrap_or_default();
            self.is_at_end = is_at_end;
            if !recipients.is_empty() {
                return Ok(Some(recipients));
            }
        }
        Ok(None)
    }

    /// The next customers that the filter finds. Goes along `_id`, which nothing
    /// that happens meanwhile changes: everybody is seen once.
    async fn find(&self, filter: &Document, after: &str) -> Result<Vec<Found>, ProjectError> {
        let next = doc! {"_id": {"$gt": after}};
        let customers = self.customers.collection();
        let cursor = customers
            .find(doc! {"$and": [next, filter.clone()]})
            .hint(Hint::Keys(doc! {"_id": 1}))
            .sort(doc! {"_id": 1})
            .limit(self.batch as i64)
            .batch_size(self.batch as u32)
            .await?;
        let found = cursor.and_then(async |document| {
            let place = bson::deserialize_from_slice(document.as_bytes());
            let place = place.map_err(mongodb::error::Error::custom)?;
            Ok(Found { place, document })
        });
        let found = found.try_collect().await?;
        // Of a collection that is not there MongoDB says that it is empty.
        gone_unless(&self.customers).await?;
        Ok(found)
    }

    async fn among(&self, found: Vec<Found>) -> Result<Vec<Recipient>, ProjectError> {
        let changed = found.iter().filter(|found| self.has_changed(&found.place));
        let changed: Vec<CustomerId> = changed.map(|found| found.place.customer.clone()).collect();
        let mut past = self.past.customers(&changed).await?;
        self.past.is_there().await?;
        let mut meant = Vec::with_capacity(found.len());
        for found in found {
            let document = if self.has_changed(&found.place) {
                let document = past.remove(&found.place.customer);
                document.filter(|document| self.rules.matches(&document.facts()))
            } else {
                // It matches: for no other reason is it found.
                let document = bson::deserialize_from_slice(found.document.as_bytes());
                Some(document.map_err(mongodb::error::Error::custom)?)
            };
            meant.extend(document.map(|document| Recipient {
                customer: found.place.customer,
                document,
            }));
        }
        Ok(meant)
    }

    /// Whether the customer has had events since the launch.
    fn has_changed(&self, place: &Place) -> bool {
        place.number > self.past.positions().number(place.partition)
    }
}

/// Views that have what decides whom a launch means.
const AUDIENCE_VIEWS: [&str; 2] = [Customers::NAME, Audit::NAME];

/// Views that a campaign needs from its launch to its end: they have which
/// campaigns are under way, what is queued, and what customers got before.
const CAMPAIGN_VIEWS: [&str; 3] = [Campaigns::NAME, Messages::NAME, CampaignStats::NAME];

/// Checks that the views which a launch needs can reach its positions, if it
/// is launched now.
///
/// # Errors
/// As [`require_views`].
pub async fn require_launchable(store: &Store, log: &Log) -> Result<(), ProjectError> {
    let floors = trimmed_floors(log).await?;
    if floors.is_empty() {
        return Ok(());
    }
    let ends: Positions = log.ends().await?.into_iter().collect();
    require_folded(store, &AUDIENCE_VIEWS, &floors, &ends).await?;
    require_folded(store, &CAMPAIGN_VIEWS, &floors, &ends).await
}

/// Checks that the views which a launch at these positions needs can go on:
/// where events were trimmed, a view must have folded them. Those that have the
/// audience must reach the positions, all others the end of the log. Costs one
/// read of Redis for a log that was never trimmed.
///
/// # Errors
/// [`LogError::Trimmed`] if one cannot; any other if the log or MongoDB does not
/// answer.
pub async fn require_views(
    store: &Store,
    log: &Log,
    positions: &Positions,
) -> Result<(), ProjectError> {
    let floors = trimmed_floors(log).await?;
    if floors.is_empty() {
        return Ok(());
    }
    let ends: Positions = log.ends().await?.into_iter().collect();
    require_folded(store, &AUDIENCE_VIEWS, &floors, positions).await?;
    require_folded(store, &CAMPAIGN_VIEWS, &floors, &ends).await
}

async fn require_folded(
    store: &Store,
    views: &[&'static str],
    floors: &[Position],
    positions: &Positions,
) -> Result<(), ProjectError> {
    // A view continues from the last event that it has folded, which must be
    // there too, unless nothing is left to fold.
    let needed = floors.iter().map(|floor| Position {
        number: floor.number.min(positions.number(floor.partition)),
        ..*floor
    });
    let needed: Positions = needed.collect();
    for view in views {
        let generation = store.generations().active(view).await?;
        let missing = store.missing_of(view, generation, &needed).await?;
        let floor = missing.and_then(|at| floors.iter().find(|f| f.partition == at.partition));
        if let Some(floor) = floor {
            return Err(LogError::Trimmed { floor: *floor }.into());
        }
    }
    Ok(())
}

/// The floors of the partitions of which events were trimmed.
async fn trimmed_floors(log: &Log) -> Result<Vec<Position>, LogError> {
    let mut floors = log.floors().await?;
    floors.retain(|floor| floor.number > 1);
    Ok(floors)
}

/// Finds customers whom `matching` finds, and those who have changed since.
fn matching_or_changed(matching: Document, positions: &Positions) -> Document {
    let any: Vec<Document> = std::iter::once(matching)
        .chain(changed_since(positions))
        .collect();
    doc! {"$or": any}
}

/// Filters of which each finds the customers of a partition who have changed
/// since.
fn changed_since(positions: &Positions) -> Vec<Document> {
    let changed = positions.iter().map(|position| {
        let number = doc! {"$gt": position.number as i64};
        doc! {"_partition": i32::from(position.partition), "_number": number}
    });
    changed.collect()
}
