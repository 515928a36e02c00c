//! Whom a launch means: exactly the customers whom its rules match at its
//! clock, as the log's events up to its positions make them.
//!
//! Most customers have not changed since: their documents in the view
//! `customers` say so, and are taken as they are. All others are folded anew
//! from the log up to the positions, and asked in memory. So it makes no
//! difference when this is done, how often, or what has happened since.
//!
//! Of a customer with an event that cannot be folded, nobody can tell whether
//! the launch means them, unless the event was skipped by then: they are
//! counted, and get no message.
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

use std::collections::BTreeSet;

use bson::{Document, RawDocumentBuf, doc};
use domain::rules::Predicate;
use domain::{CustomerId, Launch};
use eventlog::{Log, LogError, Partition, Position, Positions};
use futures::TryStreamExt;
use mongodb::options::Hint;
use serde::Deserialize;

pub use past::{PastCustomer, customer_at};

use crate::audit::Audit;
use crate::campaign_stats::CampaignStats;
use crate::campaigns::Campaigns;
use crate::customers::{CustomerDocument, Customers, filter};
use crate::documents::Documents;
use crate::messages::Messages;
use crate::recorded::subject_of;
use crate::view::View;
use crate::{ProjectError, Store};
use past::{Past, gone_unless, pinned};

/// The most customers looked at for one batch.
const BATCH: usize = 1_000;

/// Entries read at once.
const ENTRIES: usize = 1_000;

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
    /// Customers about whose events something was decided since, to be folded
    /// anew like those who have changed.
    decided: BTreeSet<CustomerId>,
    /// Customers of whom nobody can tell, as far as they were found.
    undetermined: BTreeSet<CustomerId>,
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
        let (customers, generation) = pinned(store, Customers::NAME, &positions).await?;
        let mut undetermined = set_aside_at(store, generation, &positions).await?;
        let mut decided = decided_since(store, log, &positions).await?;
        decided.retain(|customer| !undetermined.contains(customer));
        let past = Past::up_to(store, log, positions.clone()).await?;
        let floors = trimmed_floors(log).await?;
        let decided = decided.into_iter().collect();
        let (decided, lost) = past.with_history(decided, &floors).await?;
        undetermined.extend(lost);
        Ok(Self {
            customers,
            filter: matching_or_changed(filter(&rules), &positions),
            past,
            rules,
            after: String::new(),
            batch: BATCH,
            is_at_end: false,
            decided: decided.into_iter().collect(),
            undetermined,
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
            let decided = self.decided_up_to(last.as_deref().filter(|_| !is_at_end));
            let recipients = self.among(found, &decided).await?;
            for customer in decided {
                self.decided.remove(&customer);
            }
            self.after = last.unwrap_or_default();
            self.is_at_end = is_at_end;
            if !recipients.is_empty() {
                return Ok(Some(recipients));
            }
        }
        Ok(None)
    }

    /// The customers found so far of whom nobody can tell whether the launch
    /// means them: an event of theirs could not be folded.
    pub fn undetermined(&self) -> &BTreeSet<CustomerId> {
        &self.undetermined
    }

    /// Those of the decided who come up to this one, by id, or all.
    fn decided_up_to(&self, last: Option<&str>) -> Vec<CustomerId> {
        let is_next = |id: &&CustomerId| last.is_none_or(|last| id.as_str() <= last);
        self.decided.iter().take_while(is_next).cloned().collect()
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

    async fn among(
        &mut self,
        found: Vec<Found>,
        decided: &[CustomerId],
    ) -> Result<Vec<Recipient>, ProjectError> {
        let found = found.into_iter();
        let found = found.filter(|found| !self.undetermined.contains(&found.place.customer));
        let (to_fold, unchanged): (Vec<Found>, Vec<Found>) =
            found.partition(|found| self.is_to_be_folded(&found.place));
        let to_fold = to_fold.into_iter().map(|found| found.place.customer);
        let mut to_fold: BTreeSet<CustomerId> = to_fold.collect();
        to_fold.extend(decided.iter().cloned());
        let to_fold: Vec<CustomerId> = to_fold.into_iter().collect();
        let mut past = self.past.customers(&to_fold).await?;
        self.past.is_there().await?;
        let mut meant = Vec::with_capacity(unchanged.len());
        for found in unchanged {
            // It matches: for no other reason is it found.
            let document = bson::deserialize_from_slice(found.document.as_bytes());
            meant.push(Recipient {
                customer: found.place.customer,
                document: document.map_err(mongodb::error::Error::custom)?,
            });
        }
        for customer in to_fold {
            let document = past.known.remove(customer.as_str());
            if let Some(document) = document.filter(|d| self.rules.matches(&d.facts())) {
                meant.push(Recipient { customer, document });
            }
        }
        meant.sort_unstable_by(|a, b| a.customer.cmp(&b.customer));
        let undetermined = past
            .undetermined
            .iter()
            .map(|id| CustomerId::try_from(&**id));
        self.undetermined.extend(undetermined.flatten());
        Ok(meant)
    }

    fn is_to_be_folded(&self, place: &Place) -> bool {
        self.has_changed(place) || self.decided.contains(&place.customer)
    }

    /// Whether the customer has had events since the launch.
    fn has_changed(&self, place: &Place) -> bool {
        place.number > self.past.positions().number(place.partition)
    }
}

/// A customer who was undetermined at a launch, and is not any more.
#[derive(Debug, Clone, PartialEq)]
pub struct Determined {
    /// Who.
    pub customer: CustomerId,
    /// What was known of them at the launch, if it means them.
    pub recipient: Option<Recipient>,
}

/// Customers who are set aside by an event up to these positions.
async fn set_aside_at(
    store: &Store,
    generation: i32,
    positions: &Positions,
) -> Result<BTreeSet<CustomerId>, ProjectError> {
    let withheld = store.withheld_from(Customers::NAME, generation).await?;
    let then = withheld.into_iter().filter(|one| {
        let at = one.position();
        at.number <= positions.number(at.partition)
    });
    // A key that cannot be read is no customer's.
    let customers = then.map(|one| CustomerId::try_from(one.document));
    Ok(customers.flatten().collect())
}

/// Customers about whose events up to these positions something was decided
/// since.
async fn decided_since(
    store: &Store,
    log: &Log,
    positions: &Positions,
) -> Result<BTreeSet<CustomerId>, ProjectError> {
    let events = store.decided_since(log, Customers::NAME, positions).await?;
    let mut customers = BTreeSet::new();
    for some in events.chunks(ENTRIES) {
        for entry in log.entries(some).await?.into_iter().flatten() {
            let subject = subject_of(&entry).ok();
            customers.extend(subject.and_then(|subject| subject.customer().cloned()));
        }
    }
    Ok(customers)
}

/// Of customers who were undetermined at a launch, those who can be told to be
/// meant or not by now: as the events up to the launch make them with all
/// decisions until now.
///
/// # Errors
/// As [`Recipients::of`].
pub async fn determined(
    store: &Store,
    log: &Log,
    launch: &Launch,
    customers: Vec<CustomerId>,
) -> Result<Vec<Determined>, ProjectError> {
    let positions: Positions = launch.positions.as_str().parse()?;
    let (_, generation) = pinned(store, Customers::NAME, &positions).await?;
    let set_aside = set_aside_at(store, generation, &positions).await?;
    let customers = customers.into_iter().filter(|id| !set_aside.contains(id));
    let customers: Vec<CustomerId> = customers.collect();
    if customers.is_empty() {
        return Ok(Vec::new());
    }
    let past = Past::up_to(store, log, positions).await?;
    let past = past.with_later_decisions();
    let floors = trimmed_floors(log).await?;
    let (customers, _lost) = past.with_history(customers, &floors).await?;
    let mut folded = past.customers(&customers).await?;
    past.is_there().await?;
    let rules = launch.rules.at(launch.clock);
    let determined = customers.into_iter().filter_map(|customer| {
        if folded.undetermined.contains(customer.as_str()) {
            return None;
        }
        let document = folded.known.remove(customer.as_str());
        let document = document.filter(|document| rules.matches(&document.facts()));
        let recipient = document.map(|document| Recipient {
            customer: customer.clone(),
            document,
        });
        Some(Determined {
            customer,
            recipient,
        })
    });
    Ok(determined.collect())
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
