//! Who matches rules: how many, and who they are.

use std::time::{Duration, Instant};

use bson::{Document, RawDocumentBuf, doc};
use domain::Timestamp;
use domain::rules::{NodeRef, Rules};
use futures::TryStreamExt;
use mongodb::Cursor;
use mongodb::error::Error;

use super::counting::{Countable, PATIENCE, Question};
use super::filter::filter;
use super::query::identified;
use super::{CustomerDocument, Customers};
use crate::store::collection_name;
use crate::view::View;
use crate::{Page, PageError, PageRequest, QueryError, Store};

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

/// Who matches rules, in pages by id.
#[derive(Debug, Clone, PartialEq)]
pub struct Members {
    /// The page.
    pub page: Page<(String, CustomerDocument)>,
    /// The instant that all of its pages are about.
    pub as_of: Timestamp,
}

/// Where a page of members begins: the instant that all pages are about, in
/// milliseconds, and the last customer of the page before.
type Place = (i64, String);

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
        let assumed = self.counting().generation();
        let generations = self.generations();
        let (serving, early) = futures::join!(
            generations.active(Customers::NAME),
            self.preview_of(assumed, rules, now, sample),
        );
        let serving = serving?;
        let preview = match serving == assumed {
            true => early?,
            false => {
                self.counting().served(serving);
                self.preview_of(serving, rules, now, sample).await?
            }
        };
        Ok(Preview {
            took: start.elapsed(),
            ..preview
        })
    }

    async fn preview_of(
        &self,
        generation: i32,
        rules: &Rules,
        now: Timestamp,
        sample: usize,
    ) -> Result<Preview, Error> {
        let customers = self.countable(generation);
        let nodes = rules.nodes();
        let question = |(_, node): &(String, NodeRef<'_>)| Question::new(node, now);
        let questions: Vec<Question> = nodes.iter().map(question).collect();
        let whole = Question::new(&NodeRef::Group(rules.root()), now);
        // A group of one asks what the one asks.
        let is_other = |question: &&Question| question.filter != whole.filter;
        let others: Vec<&Question> = questions.iter().filter(is_other).collect();
        let counting_others = async {
            let basis = self.basis_of(generation).await?;
            customers.counts(&others, &basis).await
        };
        let (count, total, sample, counts) = futures::try_join!(
            customers.count(&whole),
            customers.total(),
            self.some(generation, &whole.filter, sample),
            counting_others,
        )?;
        let mut counts = counts.into_iter();
        let counts = questions.iter().map(|question| match is_other(&question) {
            true => counts.next().unwrap_or_default(),
            false => count,
        });
        Ok(Preview {
            count,
            total,
            sample,
            nodes: node_counts(&nodes, counts),
            took: Duration::ZERO,
        })
    }

    /// How many match the rules at this instant.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn count_members(&self, rules: &Rules, now: Timestamp) -> Result<u64, QueryError> {
        let whole = Question::new(&NodeRef::Group(rules.root()), now);
        let assumed = self.counting().generation();
        let (generations, customers) = (self.generations(), self.countable(assumed));
        let (serving, early) =
            futures::join!(generations.active(Customers::NAME), customers.count(&whole),);
        let serving = serving?;
        if serving == assumed {
            return Ok(early?);
        }
        self.counting().served(serving);
        Ok(self.countable(serving).count(&whole).await?)
    }

    /// How many customers there are.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn count_customers(&self) -> Result<u64, QueryError> {
        let generation = self.generations().active(Customers::NAME).await?;
        Ok(self.countable(generation).total().await?)
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
        let find = customers.find(doc! {"$and": parts}).max_time(PATIENCE);
        let cursor = find.sort(doc! {"_id": 1}).limit(page.fetch()).await?;
        let page = page.cut(read(cursor).await?, |(id, _)| (as_of.millis(), id.clone()));
        Ok(Members { page, as_of })
    }

    fn countable(&self, generation: i32) -> Countable<'_> {
        Countable {
            database: self.database(),
            collection: collection_name(Customers::NAME, generation),
            counting: self.counting(),
        }
    }

    /// Any who match, as many at most.
    async fn some(
        &self,
        generation: i32,
        filter: &Document,
        most: usize,
    ) -> Result<Vec<(String, CustomerDocument)>, Error> {
        if most == 0 {
            return Ok(Vec::new());
        }
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let customers = self.collection(Customers::NAME, generation);
        let find = customers.find(filter.clone()).max_time(PATIENCE);
        read(find.limit(most).await?).await
    }
}

async fn read(cursor: Cursor<RawDocumentBuf>) -> Result<Vec<(String, CustomerDocument)>, Error> {
    cursor
        .and_then(async |raw| identified(&raw))
        .try_collect()
        .await
}

/// Nodes with their counts.
pub(super) fn node_counts(
    nodes: &[(String, NodeRef<'_>)],
    counts: impl IntoIterator<Item = u64>,
) -> Vec<NodeCount> {
    let counted = |((pointer, node), count): (&(String, NodeRef<'_>), u64)| NodeCount {
        pointer: pointer.clone(),
        id: node.id().map(str::to_owned),
        text: node.to_string(),
        count,
    };
    nodes.iter().zip(counts).map(counted).collect()
}
