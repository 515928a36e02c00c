//! A customer's timeline.

use bson::{Document, doc};
use domain::CustomerId;
use eventlog::{Log, Partition, Position};
use futures::TryStreamExt;
use mongodb::options::Hint;
use serde::Deserialize;

use super::query::unless_indexed;
use super::rows::{AuditRow, rows_at};
use super::{Audit, Part, by_position};
use crate::{Page, PageRequest, QueryError, Store};

/// How many commits are fetched at once: their documents may be large.
const COMMITS: u32 = 32;

/// What a commit's document says about one customer.
#[derive(Deserialize)]
struct OfCustomer {
    #[serde(rename = "_partition")]
    partition: Partition,
    first: u64,
    #[serde(rename = "_number")]
    last: u64,
    customers: Vec<Part>,
}

impl Store {
    /// Everything about one customer, in the order of the log, the last first.
    ///
    /// # Errors
    /// [`QueryError`]; [`QueryError::Log`] also for events that were trimmed.
    pub async fn timeline(
        &self,
        log: &Log,
        customer: &CustomerId,
        page: &PageRequest,
    ) -> Result<Page<AuditRow>, QueryError> {
        let before = page.after::<u64>()?;
        let mut filter = doc! {"customers.id": customer.as_str()};
        if let Some(before) = before {
            filter.insert("first", doc! {"$lt": before as i64});
        }
        let documents = self.serving::<OfCustomer>(Audit::NAME).await?;
        let mut commits = documents
            .find(filter)
            .projection(about(customer))
            .sort(doc! {"first": -1})
            .hint(Hint::Keys(by_position()))
            .batch_size(COMMITS)
            .await
            .map_err(unless_indexed)?;
        let mut positions = Vec::new();
        while positions.len() <= page.limit
            && let Some(commit) = commits.try_next().await?
        {
            let behind = |position: &Position| before.is_none_or(|b| position.number < b);
            positions.extend(commit.positions().into_iter().rev().filter(behind));
        }
        let shown = page.cut(positions, |position| position.number);
        Ok(Page {
            items: rows_at(log, &shown.items).await?,
            next_cursor: shown.next_cursor,
        })
    }
}

impl OfCustomer {
    fn positions(&self) -> Vec<Position> {
        let partition = self.partition;
        let numbers = self.customers.iter();
        let numbers = numbers.flat_map(|part| part.numbers(self.first, self.last));
        numbers
            .map(|number| Position { partition, number })
            .collect()
    }
}

/// Of a commit what it says about a customer.
fn about(customer: &CustomerId) -> Document {
    doc! {
        "_id": 0, "_partition": 1, "_number": 1, "first": 1,
        "customers": {"$elemMatch": {"id": customer.as_str()}},
    }
}
