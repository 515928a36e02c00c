//! Recipients of a launch: the customers that its rules match at its clock, in
//! the state that the log's events up to its positions make.
//!
//! **Correctness.** The documents in the view `customers` show which customers
//! have not changed since the launch, and are used as they are. All other
//! customers are folded again from the log up to the positions, and evaluated
//! in memory. The result therefore does not depend on the time or the number of
//! the reads, or on later events.
//!
//! A customer with an event that cannot be folded is undetermined, unless an
//! operator had skipped the event by then. Undetermined customers are counted,
//! but get no message.
//!
//! # Trimmed logs
//!
//! Trimmed events are needed in two cases. First, a view that has not folded
//! them never reaches the positions. [`require_launchable`] detects that before
//! a launch. Second, a customer who has changed since the launch and has events
//! below the floor cannot be folded again. No customer has changed yet at the
//! time of the launch, so this cannot be checked then;
//! [`Recipients::require_history`] checks it before messages are queued.

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

use crate::runtime::documents::Documents;
use crate::runtime::error::ProjectError;
use crate::runtime::recorded::subject_of;
use crate::runtime::store::Store;
use crate::runtime::view::View;
use crate::views::audit::Audit;
use crate::views::campaign_stats::CampaignStats;
use crate::views::campaigns::Campaigns;
use crate::views::customers::filter::living;
use crate::views::customers::{CustomerDocument, Customers, filter};
use crate::views::messages::Messages;
use past::{Past, require_collection, serving_generation_at};

/// Maximum number of customers read for one batch.
const BATCH: usize = 1_000;

/// Log entries read at once.
const ENTRIES: usize = 1_000;

/// A recipient of a launch.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipient {
    /// Id of the customer.
    pub customer: CustomerId,
    /// The customer's document at the launch.
    pub document: CustomerDocument,
}

/// Reader of a launch's recipients, in batches ordered by id. Each recipient is
/// returned once.
pub struct Recipients {
    customers: Documents,
    past: Past,
    rules: Predicate,
    /// Filter for all customers that the rules match now, and all who have
    /// changed since the launch.
    filter: Document,
    /// Id of the last customer read.
    after: String,
    /// Number of customers read for one batch.
    batch: usize,
    is_at_end: bool,
    /// Customers with an event that an operator has decided about since the
    /// launch. They are folded again, like those who have changed.
    decided: BTreeSet<CustomerId>,
    /// Undetermined customers found so far.
    undetermined: BTreeSet<CustomerId>,
}

/// A customer's document in the view.
struct StoredCustomer {
    place: DocumentPlace,
    document: RawDocumentBuf,
}

/// The fields that place a document.
#[derive(Deserialize)]
struct DocumentPlace {
    #[serde(rename = "_id")]
    customer: CustomerId,
    #[serde(rename = "_partition")]
    partition: Partition,
    #[serde(rename = "_number")]
    number: u64,
}

impl Recipients {
    /// Creates a reader of the launch's recipients. It keeps reading the
    /// generations of the views `customers` and `audit` that serve now, even
    /// after a switch.
    ///
    /// # Errors
    /// [`ProjectError::Behind`] if one of the two views has not reached the
    /// launch's positions; any other if the log or MongoDB does not answer.
    pub async fn of(store: &Store, log: &Log, launch: &Launch) -> Result<Self, ProjectError> {
        let positions: Positions = launch.positions.as_str().parse()?;
        let rules = launch.rules.at(launch.clock);
        let (customers, generation) =
            serving_generation_at(store, Customers::NAME, &positions).await?;
        let mut undetermined = set_aside_at(store, generation, &positions).await?;
        let mut decided = decided_since(store, log, &positions).await?;
        decided.retain(|customer| !undetermined.contains(customer));
        let past = Past::up_to(store, log, positions.clone()).await?;
        let floors = trimmed_floors(log).await?;
        let decided = decided.into_iter().collect();
        let (decided, lost) = past.split_by_history(decided, &floors).await?;
        undetermined.extend(lost);
        let matching_or_changed =
            std::iter::once(living(filter(&rules))).chain(changed_since(&positions));
        let matching_or_changed: Vec<Document> = matching_or_changed.collect();
        Ok(Self {
            customers,
            filter: doc! {"$or": matching_or_changed},
            past,
            rules,
            after: String::new(),
            batch: BATCH,
            is_at_end: false,
            decided: decided.into_iter().collect(),
            undetermined,
        })
    }

    /// Checks that the log still has all events of the customers who must be
    /// folded again. Costs one read of Redis for a log that was never trimmed.
    ///
    /// # Errors
    /// [`LogError::Trimmed`] if it does not; any other if the log or MongoDB
    /// does not answer.
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
            self.past.require_events(&ids, &floors).await?;
        }
    }

    /// Sets the maximum batch size; 1,000 by default and at most.
    #[must_use]
    pub fn in_batches_of(mut self, size: usize) -> Self {
        self.batch = size.clamp(1, BATCH);
        self
    }

    /// Returns the next batch, which is never empty; `None` after the last one.
    ///
    /// # Errors
    /// [`ProjectError`]; a repeated call continues at the same place.
    pub async fn next(&mut self) -> Result<Option<Vec<Recipient>>, ProjectError> {
        while !self.is_at_end {
            let found = self.find(&self.filter, &self.after).await?;
            let is_at_end = found.len() < self.batch;
            let last = found.last().map(|last| last.place.customer.to_string());
            let up_to = last.as_deref().filter(|_| !is_at_end);
            let is_next = |id: &&CustomerId| up_to.is_none_or(|last| id.as_str() <= last);
            let decided = self.decided.iter().take_while(is_next).cloned();
            let decided: Vec<CustomerId> = decided.collect();
            let recipients = self.resolve(found, &decided).await?;
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

    /// Returns the undetermined customers found so far: an event of theirs
    /// could not be folded, so it is unknown whether they are recipients.
    pub fn undetermined(&self) -> &BTreeSet<CustomerId> {
        &self.undetermined
    }

    /// Finds the next customers. The order by `_id` does not change meanwhile,
    /// so each customer is read once.
    async fn find(
        &self,
        filter: &Document,
        after: &str,
    ) -> Result<Vec<StoredCustomer>, ProjectError> {
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
            Ok(StoredCustomer { place, document })
        });
        let found = found.try_collect().await?;
        // MongoDB reports a dropped collection as empty.
        require_collection(&self.customers).await?;
        Ok(found)
    }

    async fn resolve(
        &mut self,
        found: Vec<StoredCustomer>,
        decided: &[CustomerId],
    ) -> Result<Vec<Recipient>, ProjectError> {
        let found = found.into_iter();
        let found = found.filter(|found| !self.undetermined.contains(&found.place.customer));
        let must_be_folded = |StoredCustomer { place, .. }: &StoredCustomer| {
            let has_changed = place.number > self.past.positions().number(place.partition);
            has_changed || self.decided.contains(&place.customer)
        };
        let (to_fold, unchanged): (Vec<StoredCustomer>, Vec<StoredCustomer>) =
            found.partition(must_be_folded);
        let to_fold = to_fold.into_iter().map(|found| found.place.customer);
        let mut to_fold: BTreeSet<CustomerId> = to_fold.collect();
        to_fold.extend(decided.iter().cloned());
        let to_fold: Vec<CustomerId> = to_fold.into_iter().collect();
        let mut past = self.past.customers(&to_fold).await?;
        self.past.require_audit().await?;
        let mut recipients = Vec::with_capacity(unchanged.len());
        for found in unchanged {
            // The filter found it although it has not changed, so the rules
            // match.
            let document = bson::deserialize_from_slice(found.document.as_bytes());
            recipients.push(Recipient {
                customer: found.place.customer,
                document: document.map_err(mongodb::error::Error::custom)?,
            });
        }
        for customer in to_fold {
            let document = past.known.remove(customer.as_str());
            if let Some(document) = document.filter(|d| self.rules.matches(&d.facts())) {
                recipients.push(Recipient { customer, document });
            }
        }
        recipients.sort_unstable_by(|a, b| a.customer.cmp(&b.customer));
        let undetermined = past
            .undetermined
            .iter()
            .map(|id| CustomerId::try_from(&**id));
        self.undetermined.extend(undetermined.flatten());
        Ok(recipients)
    }
}

/// A customer who was undetermined at a launch and is determined now.
#[derive(Debug, Clone, PartialEq)]
pub struct Determined {
    /// Id of the customer.
    pub customer: CustomerId,
    /// The recipient; `None` if the rules do not match the customer.
    pub recipient: Option<Recipient>,
}

/// Returns the customers who are set aside by an event up to these positions.
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
    // A key that cannot be parsed belongs to no customer.
    let customers = then.map(|one| CustomerId::try_from(one.document));
    Ok(customers.flatten().collect())
}

/// Returns the customers with an event up to these positions that an operator
/// decided about afterwards.
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

/// Determines a launch's undetermined customers as far as possible now, from
/// their events up to the launch and all decisions until now.
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
    let (_, generation) = serving_generation_at(store, Customers::NAME, &positions).await?;
    let set_aside = set_aside_at(store, generation, &positions).await?;
    let customers = customers.into_iter().filter(|id| !set_aside.contains(id));
    let customers: Vec<CustomerId> = customers.collect();
    if customers.is_empty() {
        return Ok(Vec::new());
    }
    let past = Past::up_to(store, log, positions).await?;
    let past = past.with_later_decisions();
    let floors = trimmed_floors(log).await?;
    let (customers, _lost) = past.split_by_history(customers, &floors).await?;
    let mut folded = past.customers(&customers).await?;
    past.require_audit().await?;
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

/// Views that determine the recipients of a launch.
const AUDIENCE_VIEWS: [&str; 2] = [Customers::NAME, Audit::NAME];

/// Views that a campaign needs from its launch to its end, for its status, its
/// queue and the messages that customers received before.
const CAMPAIGN_VIEWS: [&str; 3] = [Campaigns::NAME, Messages::NAME, CampaignStats::NAME];

/// Checks that the views that a launch needs can reach its positions if it is
/// launched now.
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

/// Checks that the views that a launch at these positions needs can advance:
/// where events were trimmed, a view must have folded them. Views that
/// determine the audience must reach the positions, all others the end of the
/// log. Costs one read of Redis for a log that was never trimmed.
///
/// # Errors
/// [`LogError::Trimmed`] if one cannot; any other if the log or MongoDB does
/// not answer.
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
    // To continue, a view reads the last event that it has folded, so that
    // event must not be trimmed either, unless nothing is left to fold.
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

/// Returns the floors of the partitions with trimmed events.
async fn trimmed_floors(log: &Log) -> Result<Vec<Position>, LogError> {
    let mut floors = log.floors().await?;
    floors.retain(|floor| floor.number > 1);
    Ok(floors)
}

/// Returns one filter per partition for the customers who have changed since.
fn changed_since(positions: &Positions) -> Vec<Document> {
    let changed = positions.iter().map(|position| {
        let number = doc! {"$gt": position.number as i64};
        doc! {"_partition": i32::from(position.partition), "_number": number}
    });
    changed.collect()
}
