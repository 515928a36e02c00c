//! Customers as they were, folded anew from the log.

use bson::doc;
use domain::{CustomerId, Subject};
use eventlog::{Entry, Log, LogError, Position, Positions};
use futures::TryStreamExt;
use serde::Deserialize;

use crate::audit::Audit;
use crate::customers::{CustomerDocument, Customers};
use crate::documents::Documents;
use crate::replay::{self, fold_customer};
use crate::view::View;
use crate::{EntryReader, ProjectError, Store};

/// Entries read at once.
const ENTRIES: usize = 1_000;

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
    let found = past.customer(customer).await?;
    past.is_there().await?;
    Ok(found)
}

/// The log up to some positions.
pub(super) struct Past {
    log: Log,
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
            audit: pinned(store, Audit::NAME, &positions).await?,
            positions,
        })
    }

    pub(super) fn positions(&self) -> &Positions {
        &self.positions
    }

    /// Without the rows everybody would seem to have had no events: to be
    /// asked after folding.
    pub(super) async fn is_there(&self) -> Result<(), ProjectError> {
        gone_unless(&self.audit).await
    }

    /// A customer as they were.
    pub(super) async fn customer(
        &self,
        customer: &CustomerId,
    ) -> Result<Option<CustomerDocument>, ProjectError> {
        let mut reader = EntryReader::default();
        let mut document = None;
        for part in self.events_of(customer).await?.chunks(ENTRIES) {
            for (at, entry) in part.iter().zip(self.log.entries(part).await?) {
                let entry = entry.ok_or_else(|| missing(*at))?;
                document = fold(document, &mut reader, entry)?;
            }
        }
        Ok(document)
    }

    /// Where the events about a customer are, in order.
    async fn events_of(&self, customer: &CustomerId) -> Result<Vec<Position>, ProjectError> {
        #[derive(Deserialize)]
        struct Row {
            #[serde(rename = "_number")]
            number: u64,
        }
        let subject = Subject::Customer(customer.clone());
        let layout = self.log.layout();
        let partition = layout.key(subject.to_string(), subject.route()).partition;
        let last = self.positions.number(partition) as i64;
        let rows = self.audit.collection().clone_with_type::<Row>();
        // Answered by the index of timelines alone.
        let found = rows
            .find(doc! {"customer_id": customer.as_str(), "_number": {"$lte": last}})
            .projection(doc! {"_id": 0, "_number": 1})
            .batch_size(10_000)
            .await?;
        let position = |Row { number }| Position { partition, number };
        let mut found: Vec<Position> = found.map_ok(position).try_collect().await?;
        found.sort_unstable();
        Ok(found)
    }
}

fn fold(
    before: Option<CustomerDocument>,
    reader: &mut EntryReader,
    entry: Entry,
) -> Result<Option<CustomerDocument>, ProjectError> {
    // Messages are rows of a customer too, but say nothing about them.
    match replay::read(reader, entry)? {
        Some(event) if Customers::document_of(&event.subject, event.position).is_some() => {
            fold_customer(before, &event).map(Some)
        }
        _ => Ok(before),
    }
}

fn missing(at: Position) -> ProjectError {
    let what = "an event of the audit trail is not there".to_owned();
    ProjectError::Log(LogError::Damaged { at, what })
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
