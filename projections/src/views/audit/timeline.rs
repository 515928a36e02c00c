//! Timeline of a customer: all events about the customer.

use bson::doc;
use domain::CustomerId;
use eventlog::{Log, Partition, Position};
use futures::TryStreamExt;
use mongodb::options::Hint;
use serde::Deserialize;

use super::query::unless_indexed;
use super::rows::{AuditRow, rows_at};
use super::{Audit, EventGroup, by_position};
use crate::runtime::page::{Page, PageRequest};
use crate::runtime::store::{QueryError, Store};

/// Number of commits per batch of the cursor. Their documents may be large.
const COMMIT_BATCH: u32 = 32;

/// Events of a commit about one customer.
#[derive(Deserialize)]
struct CustomerCommit {
    #[serde(rename = "_partition")]
    partition: Partition,
    first: u64,
    #[serde(rename = "_number")]
    last: u64,
    customers: Vec<EventGroup>,
}

impl Store {
    /// Returns a page of the events about a customer, in reverse log order.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB or the log does not answer, or the cursor is invalid.
    /// [`QueryError::Log`] also if an event of the page was trimmed.
    pub async fn timeline(
        &self,
        log: &Log,
        customer: &CustomerId,
        page: &PageRequest,
    ) -> Result<Page<AuditRow>, QueryError> {
        let before = page.after::<u64>()?;
        let mut filter = doc! {"customers.id": customer.as_str()};
        if let Some(before) = before {
            // Includes the commit of the last row, unless that row was its first event.
            filter.insert("first", doc! {"$lt": before as i64});
        }
        let documents = self.serving::<CustomerCommit>(Audit::NAME).await?;
        let mut commits = documents
            .find(filter)
            .projection(doc! {
                "_id": 0, "_partition": 1, "_number": 1, "first": 1,
                "customers": {"$elemMatch": {"id": customer.as_str()}},
            })
            .sort(doc! {"first": -1})
            .hint(Hint::Keys(by_position()))
            .batch_size(COMMIT_BATCH)
            .await
            .map_err(unless_indexed)?;
        let mut positions = Vec::new();
        while positions.len() <= page.limit
            && let Some(commit) = commits.try_next().await?
        {
            let is_older = |position: &Position| before.is_none_or(|b| position.number < b);
            positions.extend(commit.positions().into_iter().rev().filter(is_older));
        }
        let shown = page.cut(positions, |position| position.number);
        Ok(Page {
            items: rows_at(log, &shown.items).await?,
            next_cursor: shown.next_cursor,
        })
    }
}

impl Store {
    /// Returns the positions of up to `limit` events about a customer, in log order,
    /// that come after an event, as far as the view has folded all before them.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn customer_events(
        &self,
        log: &Log,
        customer: &CustomerId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Position>, QueryError> {
        let partition = log.layout().key(String::new(), customer.as_str()).partition;
        // Read first: documents of later commits may be there in part.
        let reached = self.reached(Audit::NAME).await?.number(partition);
        let documents = self.serving::<CustomerCommit>(Audit::NAME).await?;
        let mut commits = documents
            .find(doc! {"customers.id": customer.as_str(), "_number": {"$gt": after as i64}})
            .projection(doc! {
                "_id": 0, "_partition": 1, "_number": 1, "first": 1,
                "customers": {"$elemMatch": {"id": customer.as_str()}},
            })
            .sort(doc! {"first": 1})
            .hint(Hint::Keys(by_position()))
            .batch_size(COMMIT_BATCH)
            .await
            .map_err(unless_indexed)?;
        let mut positions = Vec::new();
        while positions.len() < limit
            && let Some(commit) = commits.try_next().await?
        {
            let is_next = |at: &Position| after < at.number && at.number <= reached;
            positions.extend(commit.positions().into_iter().filter(is_next));
        }
        positions.truncate(limit);
        Ok(positions)
    }
}

impl CustomerCommit {
    /// Returns the positions of the events about the customer, in ascending order.
    fn positions(&self) -> Vec<Position> {
        let partition = self.partition;
        let numbers = self.customers.iter();
        let numbers = numbers.flat_map(|group| group.numbers(self.first, self.last));
        numbers
            .map(|number| Position { partition, number })
            .collect()
    }
}
