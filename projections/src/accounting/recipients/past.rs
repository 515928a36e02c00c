//! Customers at earlier positions, folded again from the log.

use std::collections::{BTreeSet, HashMap, HashSet};

use bson::doc;
use domain::CustomerId;
use eventlog::{Log, LogError, Partition, Position, Positions};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;

use crate::runtime::decisions::Until;
use crate::runtime::documents::Documents;
use crate::runtime::error::ProjectError;
use crate::runtime::recorded::EntryReader;
use crate::runtime::store::Store;
use crate::runtime::view::View;
use crate::views::audit::{Audit, EventGroup, missing};
use crate::views::customers::replay::{self, CustomersInMemory};
use crate::views::customers::{CustomerDocument, Customers};

/// Log entries read at once.
const ENTRIES: usize = 4_000;

/// Number of partitions folded concurrently.
const AT_ONCE: usize = 16;

/// State of a customer at some positions of the log.
#[derive(Debug, Clone, PartialEq)]
pub enum PastCustomer {
    /// The customer had no events.
    Unknown,
    /// The customer's document.
    Known(Box<CustomerDocument>),
    /// An event of the customer cannot be folded, and was not skipped by then.
    Undetermined,
}

/// Returns a customer in the state that the log's events up to these positions
/// make.
///
/// # Errors
/// [`ProjectError::Behind`] if the view `audit`, which indexes a customer's
/// events, has not reached the positions; any other if the log or MongoDB does
/// not answer.
pub async fn customer_at(
    store: &Store,
    log: &Log,
    customer: &CustomerId,
    positions: &Positions,
) -> Result<PastCustomer, ProjectError> {
    let past = Past::up_to(store, log, positions.clone()).await?;
    let mut found = past.customers(std::slice::from_ref(customer)).await?;
    past.require_audit().await?;
    if found.undetermined.contains(customer.as_str()) {
        return Ok(PastCustomer::Undetermined);
    }
    let known = found.known.remove(customer.as_str());
    Ok(known.map_or(PastCustomer::Unknown, |document| {
        PastCustomer::Known(Box::new(document))
    }))
}

/// Customers, folded up to some positions.
#[derive(Default)]
pub(super) struct PastCustomers {
    /// Documents by id. Customers without events are left out.
    pub(super) known: HashMap<String, CustomerDocument>,
    /// Ids of customers with an event that cannot be folded.
    pub(super) undetermined: BTreeSet<String>,
}

/// Reader of customers in the state that the log up to some positions makes.
pub(super) struct Past {
    store: Store,
    log: Log,
    /// True if decisions after the positions apply too.
    with_later_decisions: bool,
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
            store: store.clone(),
            log: log.clone(),
            with_later_decisions: false,
            audit: serving_generation_at(store, Audit::NAME, &positions)
                .await?
                .0,
            positions,
        })
    }

    /// Applies decisions about these events that were recorded after the
    /// positions too.
    pub(super) fn with_later_decisions(self) -> Self {
        Self {
            with_later_decisions: true,
            ..self
        }
    }

    pub(super) fn positions(&self) -> &Positions {
        &self.positions
    }

    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    /// Checks that the log still has all events of these customers, given the
    /// floors of the trimmed partitions.
    ///
    /// # Errors
    /// [`LogError::Trimmed`] if it does not.
    pub(super) async fn require_events(
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
        self.require_audit().await
    }

    /// Splits customers into those whose events are all in the log, and the
    /// others.
    pub(super) async fn split_by_history(
        &self,
        customers: Vec<CustomerId>,
        floors: &[Position],
    ) -> Result<(Vec<CustomerId>, Vec<CustomerId>), ProjectError> {
        if floors.is_empty() {
            return Ok((customers, Vec::new()));
        }
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for customer in customers {
            match self
                .require_events(std::slice::from_ref(&customer), floors)
                .await
            {
                Ok(()) => with.push(customer),
                Err(ProjectError::Log(LogError::Trimmed { .. })) => without.push(customer),
                Err(error) => return Err(error),
            }
        }
        Ok((with, without))
    }

    /// Checks that the collection of the view `audit` still exists. Must be
    /// called after folding: a dropped collection makes customers look as if
    /// they had no events.
    pub(super) async fn require_audit(&self) -> Result<(), ProjectError> {
        require_collection(&self.audit).await
    }

    /// Folds customers up to the positions.
    pub(super) async fn customers(&self, of: &[CustomerId]) -> Result<PastCustomers, ProjectError> {
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
        let mut all = PastCustomers::default();
        for (known, undetermined) in folded {
            all.known.extend(known);
            all.undetermined.extend(undetermined);
        }
        Ok(all)
    }

    /// Folds customers of one partition.
    async fn fold(
        &self,
        partition: Partition,
        of: Vec<CustomerId>,
    ) -> Result<(HashMap<String, CustomerDocument>, BTreeSet<String>), ProjectError> {
        let until = match self.with_later_decisions {
            true => Until::Now,
            false => Until::Number(self.positions.number(partition)),
        };
        let store = &self.store;
        let skipped = store.skipped_in(&self.log, Customers::NAME, partition, until);
        let mut customers = CustomersInMemory::new(store.zone(), skipped.await?);
        let mut reader = EntryReader::default();
        // Entries of all customers in the order of the log, so that a commit is
        // read once for all of them.
        for part in self.events_of(partition, of).await?.chunks(ENTRIES) {
            for (at, entry) in part.iter().zip(self.log.entries(part).await?) {
                match entry {
                    Some(entry) => {
                        if let Some(replayed) = replay::read(&mut reader, entry) {
                            customers.fold(&replayed);
                        }
                    }
                    None => return Err(missing(&self.log, *at).await?.into()),
                }
            }
        }
        Ok(customers.into_parts())
    }

    /// Returns the positions of the events about some customers of a partition,
    /// in order.
    async fn events_of(
        &self,
        partition: Partition,
        customers: Vec<CustomerId>,
    ) -> Result<Vec<Position>, ProjectError> {
        let last = self.positions.number(partition);
        let ids: Vec<&str> = customers.iter().map(|customer| customer.as_str()).collect();
        let wanted: HashSet<&str> = ids.iter().copied().collect();
        let commits = self.audit.collection().clone_with_type::<CommitCustomers>();
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

/// The fields of a commit's document that map customers to their events.
#[derive(Deserialize)]
struct CommitCustomers {
    first: u64,
    #[serde(rename = "_number")]
    number: u64,
    customers: Vec<EventGroup>,
}

/// Returns the serving generation of a view and its number, if it has reached
/// the positions.
pub(super) async fn serving_generation_at(
    store: &Store,
    view: &'static str,
    positions: &Positions,
) -> Result<(Documents, i32), ProjectError> {
    let generation = store.generations().active(view).await?;
    match store.missing_of(view, generation, positions).await? {
        None => Ok((Documents::of(store, view, generation), generation)),
        Some(position) => Err(ProjectError::Behind { view, position }),
    }
}

pub(super) async fn require_collection(documents: &Documents) -> Result<(), ProjectError> {
    match documents.exist().await? {
        true => Ok(()),
        false => {
            let name = documents.collection().name().to_owned();
            Err(ProjectError::CollectionGone(name))
        }
    }
}
