//! Customers as they were, folded anew from the log.

use std::collections::{HashMap, HashSet};

use bson::doc;
use chrono_tz::Tz;
use domain::CustomerId;
use eventlog::{Entry, Log, LogError, Partition, Position, Positions};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;

use crate::audit::{Audit, Part, missing};
use crate::customers::{CustomerDocument, Customers};
use crate::documents::Documents;
use crate::replay::{self, fold_customer};
use crate::view::View;
use crate::{EntryReader, ProjectError, Store};

/// Entries read at once.
const ENTRIES: usize = 4_000;

/// Partitions looked at at once.
const AT_ONCE: usize = 16;

/// A customer as the log's events up to these positions make them; `None`
/// where there was none about them.
///
/// # Errors
/// [`ProjectError::Behind`] where the view `audit`, which knows where a
/// customer's events are, has not reached the positions; any other if the log
/// or MongoDB does not answer, or an event cannot be read.
pub async fn customer_at(
    store: &Store,
    log: &Log,
    customer: &CustomerId,
    positions: &Positions,
) -> Result<Option<CustomerDocument>, ProjectError> {
    let past = Past::up_to(store, log, positions.clone()).await?;
    let mut found = past.customers(std::slice::from_ref(customer)).await?;
    past.is_there().await?;
    Ok(found.remove(customer))
}

/// The log up to some positions.
pub(super) struct Past {
    log: Log,
    zone: Tz,
    audit: Documents,
    positions: Positions,
}

impl Past {
    pub(super) async fn up_to(
        store: &Store,
        log: &Log,
        positions: Positions,
    ) -> Result<Self, ProjectError> {
        Ok(Self {
            log: log.clone(),
            zone: store.zone(),
            audit: pinned(store, Audit::NAME, &positions).await?,
            positions,
        })
    }

    pub(super) fn positions(&self) -> &Positions {
        &self.positions
    }

    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    /// Checks that the log still has the events of some customers, where these
    /// are the floors of partitions that were trimmed.
    ///
    /// # Errors
    /// [`LogError::Trimmed`] if it has not.
    pub(super) async fn require(
        &self,
        customers: &[CustomerId],
        floors: &[Position],
    ) -> Result<(), ProjectError> {
        let layout = self.log.layout();
        for floor in floors {
            let of = customers.iter();
            let of = of.filter(|id| layout.partition_of(id.as_str()) == floor.partition);
            let of: Vec<CustomerId> = of.cloned().collect();
            if of.is_empty() {
                continue;
            }
            let first = self
                .events_of(floor.partition, of)
                .await?
                .into_iter()
                .next();
            if first.is_some_and(|first| first.number < floor.number) {
                return Err(LogError::Trimmed { floor: *floor }.into());
            }
        }
        self.is_there().await
    }

    /// Without the rows everybody would seem to have had no events: to be
    /// asked after folding.
    pub(super) async fn is_there(&self) -> Result<(), ProjectError> {
        gone_unless(&self.audit).await
    }

    /// Customers as they were; those of whom nothing was known are left out.
    pub(super) async fn customers(
        &self,
        of: &[CustomerId],
    ) -> Result<HashMap<CustomerId, CustomerDocument>, ProjectError> {
        let layout = self.log.layout();
        let mut partitions: HashMap<Partition, Vec<CustomerId>> = HashMap::new();
        for customer in of {
            let partition = layout.partition_of(customer.as_str());
            partitions
                .entry(partition)
                .or_default()
                .push(customer.clone());
        }
        let folds = partitions
            .into_iter()
            .map(|(partition, of)| self.fold(partition, of));
        let folded: Vec<_> = stream::iter(folds)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(folded.into_iter().flatten().collect())
    }

    /// Customers of one partition.
    async fn fold(
        &self,
        partition: Partition,
        of: Vec<CustomerId>,
    ) -> Result<HashMap<CustomerId, CustomerDocument>, ProjectError> {
        let mut reader = EntryReader::default();
        let mut customers = HashMap::with_capacity(of.len());
        // In the order of the log: a commit is read once for all of them.
        for part in self.events_of(partition, of).await?.chunks(ENTRIES) {
            for (at, entry) in part.iter().zip(self.log.entries(part).await?) {
                match entry {
                    Some(entry) => fold(&mut customers, &mut reader, entry, self.zone)?,
                    None => return Err(missing(&self.log, *at).await?.into()),
                }
            }
        }
        Ok(customers)
    }

    /// Where the events about some customers of a partition are, in order.
    async fn events_of(
        &self,
        partition: Partition,
        customers: Vec<CustomerId>,
    ) -> Result<Vec<Position>, ProjectError> {
        let last = self.positions.number(partition);
        let ids: Vec<&str> = customers.iter().map(|customer| customer.as_str()).collect();
        let wanted: HashSet<&str> = ids.iter().copied().collect();
        let commits = self.audit.collection().clone_with_type::<Commit>();
        let mut found = commits
            .find(doc! {"customers.id": {"$in": &ids}, "first": {"$lte": last as i64}})
            .projection(doc! {"_id": 0, "first": 1, "_number": 1, "customers": 1})
            .await?;
        let mut numbers: Vec<u64> = Vec::new();
        while let Some(commit) = found.try_next().await? {
            let of_wanted = commit
                .customers
                .iter()
                .filter(|of| wanted.contains(&*of.id));
            numbers.extend(of_wanted.flat_map(|of| of.numbers(commit.first, commit.number)));
        }
        numbers.retain(|number| *number <= last);
        numbers.sort_unstable();
        Ok(numbers
            .into_iter()
            .map(|number| Position { partition, number })
            .collect())
    }
}

/// What a commit's document says about customers.
#[derive(Deserialize)]
struct Commit {
    first: u64,
    #[serde(rename = "_number")]
    number: u64,
    customers: Vec<Part>,
}

/// Folds an event about a customer. Messages are about customers too, but are
/// no part of what is known of them.
fn fold(
    customers: &mut HashMap<CustomerId, CustomerDocument>,
    reader: &mut EntryReader,
    entry: Entry,
    zone: Tz,
) -> Result<(), ProjectError> {
    let Some(event) = replay::read(reader, entry)? else {
        return Ok(());
    };
    let of_customers = Customers::document_of(&event.subject, event.position).is_some();
    if let Some(customer) = event.subject.customer().filter(|_| of_customers) {
        let document = fold_customer(customers.remove(customer), &event, zone)?;
        customers.insert(customer.clone(), document);
    }
    Ok(())
}

/// The generation of a view that serves now, if it has reached the positions.
pub(super) async fn pinned(
    store: &Store,
    view: &'static str,
    positions: &Positions,
) -> Result<Documents, ProjectError> {
    let generation = store.generations().active(view).await?;
    match store.missing_of(view, generation, positions).await? {
        None => Ok(Documents::of(store, view, generation)),
        Some(position) => Err(ProjectError::Behind { view, position }),
    }
}

pub(super) async fn gone_unless(documents: &Documents) -> Result<(), ProjectError> {
    match documents.exist().await? {
        true => Ok(()),
        false => {
            let name = documents.collection().name().to_owned();
            Err(ProjectError::CollectionGone(name))
        }
    }
}
