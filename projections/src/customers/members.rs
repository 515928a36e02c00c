//! Who matches rules: how many, and who they are.

use std::time::{Duration, Instant};

use bson::{Document, RawDocumentBuf, doc};
use domain::Timestamp;
use domain::rules::{NodeRef, Rules};
use futures::{StreamExt, TryStreamExt, stream};
use mongodb::error::Error;
use mongodb::{Collection, Cursor};

use super::filter::filter;
use super::query::identified;
use super::{CustomerDocument, Customers};
use crate::view::View;
use crate::{Page, PageError, PageRequest, QueryError, Store};

/// The longest that MongoDB may count.
const PATIENCE: Duration = Duration::from_secs(25);

/// Nodes counted at once. MongoDB counts each on one core.
const AT_ONCE: usize = 4;

/// What rules come to before anybody saves them.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// How many customers match.
    pub count: u64,
    /// How many customers there are.
    pub total: u64,
    /// Some who match.
    pub sample: Vec<(String, CustomerDocument)>,
    /// How many match each node alone, from the top.
    pub nodes: Vec<NodeCount>,
    /// How long it took.
    pub took: Duration,
}

/// How many customers match a node alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeCount {
    /// The node's JSON pointer within the rules.
    pub pointer: String,
    /// What the client calls it.
    pub id: Option<String>,
    /// It as a text.
    pub text: String,
    /// How many.
    pub count: u64,
}

/// Where a page of members begins: the instant that all pages are about, in
/// milliseconds, and the last customer of the page before.
type Place = (i64, String);

/// Who matches rules, in pages by id.
#[derive(Debug, Clone, PartialEq)]
pub struct Members {
    /// The page.
    pub page: Page<(String, CustomerDocument)>,
    /// The instant that all of its pages are about.
    pub as_of: Timestamp,
}

impl Store {
    /// How many match the rules at this instant, and each of their nodes, and
    /// up to `sample` of who matches.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn preview(
        &self,
        rules: &Rules,
        now: Timestamp,
        sample: usize,
    ) -> Result<Preview, QueryError> {
        let start = Instant::now();
        let customers = self.serving::<RawDocumentBuf>(Customers::NAME).await?;
        let nodes = rules.nodes();
        let filters: Vec<Document> = nodes
            .iter()
            .map(|(_, node)| filter(&node.at(now)))
            .collect();
        let (counts, sample, total) = futures::try_join!(
            counts(&customers, &filters),
            some(&customers, &filters[0], sample),
            total(&customers),
        )?;
        Ok(Preview {
            count: counts[0],
            total,
            sample,
            nodes: node_counts(nodes, counts),
            took: start.elapsed(),
        })
    }

    /// How many match the rules at this instant, and how many there are.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn audience_size(
        &self,
        rules: &Rules,
        now: Timestamp,
    ) -> Result<(u64, u64), QueryError> {
        let customers = self.serving::<RawDocumentBuf>(Customers::NAME).await?;
        let filter = filter(&rules.at(now));
        Ok(futures::try_join!(
            count(&customers, &filter),
            total(&customers)
        )?)
    }

    /// Who matches the rules, by id. The first page is as of `now`, those
    /// after it as of the same instant.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn members(
        &self,
        rules: &Rules,
        now: Timestamp,
        page: &PageRequest,
    ) -> Result<Members, QueryError> {
        let after = page.after::<Place>()?;
        let as_of = match &after {
            Some((millis, _)) => Timestamp::from_millis(*millis).map_err(|_| PageError)?,
            None => now,
        };
        let mut parts = vec![filter(&rules.at(as_of))];
        parts.extend(after.map(|(_, id)| doc! {"_id": {"$gt": id}}));
        let customers = self.serving::<RawDocumentBuf>(Customers::NAME).await?;
        let find = customers.find(doc! {"$and": parts});
        let cursor = find.sort(doc! {"_id": 1}).limit(page.fetch()).await?;
        let found = read(cursor).await?;
        let page = page.cut(found, |(id, _)| (as_of.millis(), id.clone()));
        Ok(Members { page, as_of })
    }
}

/// Each filter's count; the same filter is counted once.
async fn counts(
    customers: &Collection<RawDocumentBuf>,
    filters: &[Document],
) -> Result<Vec<u64>, Error> {
    let mut distinct: Vec<&Document> = Vec::new();
    let mut places = Vec::with_capacity(filters.len());
    for filter in filters {
        let known = distinct.iter().position(|known| *known == filter);
        places.push(known.unwrap_or(distinct.len()));
        if known.is_none() {
            distinct.push(filter);
        }
    }
    let counting = distinct.into_iter().map(|filter| count(customers, filter));
    let counted: Vec<u64> = stream::iter(counting)
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(places.into_iter().map(|place| counted[place]).collect())
}

async fn count(customers: &Collection<RawDocumentBuf>, filter: &Document) -> Result<u64, Error> {
    customers
        .count_documents(filter.clone())
        .max_time(PATIENCE)
        .await
}

async fn total(customers: &Collection<RawDocumentBuf>) -> Result<u64, Error> {
    customers.estimated_document_count().await
}

async fn some(
    customers: &Collection<RawDocumentBuf>,
    filter: &Document,
    most: usize,
) -> Result<Vec<(String, CustomerDocument)>, Error> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    if most == 0 {
        return Ok(Vec::new());
    }
    read(
        customers
            .find(filter.clone())
            .limit(most)
            .max_time(PATIENCE)
            .await?,
    )
    .await
}

async fn read(cursor: Cursor<RawDocumentBuf>) -> Result<Vec<(String, CustomerDocument)>, Error> {
    cursor
        .and_then(async |raw| identified(&raw))
        .try_collect()
        .await
}

/// Nodes with their counts.
pub(super) fn node_counts(nodes: Vec<(String, NodeRef<'_>)>, counts: Vec<u64>) -> Vec<NodeCount> {
    let counted = |((pointer, node), count): ((String, NodeRef<'_>), u64)| NodeCount {
        pointer,
        id: node.id().map(str::to_owned),
        text: node.to_string(),
        count,
    };
    nodes.into_iter().zip(counts).map(counted).collect()
}
