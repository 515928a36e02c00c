//! Previews of rules: counts and a sample of the matching customers.

use std::time::{Duration, Instant};

use bson::{Document, doc};
use domain::Timestamp;
use domain::rules::{NodeRef, Rules};
use mongodb::error::Error;

use super::counting::{CountCache, CountQuery, CustomerCounter};
use super::filter::living;
use super::members::read_customers;
use super::{CustomerDocument, Customers};
use crate::runtime::store::{QueryError, Store, collection_name};
use crate::runtime::view::View;

/// Time limit of each count of a preview, for which a user waits.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Time limit of each count outside previews.
const LONG_TIME_LIMIT: Duration = Duration::from_secs(60);

/// Counts and a sample of the customers that rules match.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// Number of customers that match.
    pub count: u64,
    /// Number of all customers.
    pub total: u64,
    /// Number of customers with an event that cannot be folded. In a preview of the
    /// past, no other figure includes them; in a preview of the present, they count
    /// in the state before that event.
    pub undetermined: u64,
    /// Some of the customers that match.
    pub sample: Vec<(String, CustomerDocument)>,
    /// Number of customers that match each node on its own, the root first.
    pub nodes: Vec<NodeCount>,
    /// Duration of the preview.
    pub took: Duration,
}

/// Number of customers that match a node on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeCount {
    /// JSON pointer of the node within the rules.
    pub pointer: String,
    /// Id that the client gave the node.
    pub id: Option<String>,
    /// Node as text.
    pub text: String,
    /// Number of customers that match.
    pub count: u64,
}

/// Number of customers that match rules.
pub(crate) struct MemberCount {
    pub(crate) members: u64,
    /// Number of all customers.
    pub(crate) customers: u64,
    /// Duration of counting the members.
    pub(crate) took: Duration,
}

impl Store {
    /// Counts the customers that match the rules at this instant, in total and for
    /// each node, and returns up to `sample` of them.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer or takes too long.
    pub async fn preview(
        &self,
        rules: &Rules,
        now: Timestamp,
        sample: usize,
    ) -> Result<Preview, QueryError> {
        let start = Instant::now();
        let preview = self.on_serving(|generation| self.preview_of(generation, rules, now, sample));
        let preview = preview.await?;
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
        let customers = self.customer_counter(generation, TIME_LIMIT);
        let nodes = rules.nodes();
        let queries = nodes.iter().map(|(_, node)| CountQuery::new(*node, now));
        let queries: Vec<CountQuery> = queries.collect::<Result<_, _>>()?;
        let root = CountQuery::new(NodeRef::Group(rules.root()), now)?;
        let others: Vec<&CountQuery> = queries.iter().filter(|q| !q.is_same(&root)).collect();
        let counting_others = async {
            // The basis is read before counting: at least the events up to it are in
            // the counts that are cached under it.
            let basis = self.basis_of(generation).await?;
            customers.counts(&others, &basis).await
        };
        let (count, total, undetermined, sample, counts) = futures::try_join!(
            customers.count(&root),
            customers.total(),
            self.count_set_aside(Customers::NAME, generation),
            self.sample_of(generation, &root.filter, sample),
            counting_others,
        )?;
        // Nodes with the filter of the root, such as the only condition of a
        // group, have the root's count.
        let mut counts = counts.into_iter();
        let counts = queries.iter().map(|query| match query.is_same(&root) {
            true => count,
            false => counts.next().unwrap_or_default(),
        });
        Ok(Preview {
            count,
            total,
            undetermined,
            sample,
            nodes: node_counts(&nodes, counts.collect()),
            took: Duration::ZERO,
        })
    }

    /// Returns the number of customers that match the rules at this instant.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer or takes too long.
    pub async fn count_members(&self, rules: &Rules, now: Timestamp) -> Result<u64, QueryError> {
        let root = CountQuery::new(NodeRef::Group(rules.root()), now)?;
        let root = &root;
        self.on_serving(|generation| async move {
            self.customer_counter(generation, LONG_TIME_LIMIT)
                .count(root)
                .await
        })
        .await
    }

    /// Returns the number of customers that match the rules at this instant, the
    /// number of all customers, and the time that counting the members took.
    ///
    /// # Errors
    /// [`QueryError::TooLong`] if counting the members takes longer than `limit`;
    /// another one if MongoDB does not answer.
    pub(crate) async fn count_members_within(
        &self,
        rules: &Rules,
        now: Timestamp,
        limit: Duration,
    ) -> Result<MemberCount, QueryError> {
        let root = CountQuery::new(NodeRef::Group(rules.root()), now)?;
        let root = &root;
        self.on_serving(|generation| async move {
            // Counting all customers may take long for any rules, so it does
            // not use up the rules' time limit.
            let counter = self.customer_counter(generation, LONG_TIME_LIMIT);
            let customers = counter.total().await?;
            let start = Instant::now();
            let members = counter.with_time_limit(limit).count(root).await?;
            Ok(MemberCount {
                members,
                customers,
                took: start.elapsed(),
            })
        })
        .await
    }

    /// Returns the number of all customers.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer or takes too long.
    pub async fn count_customers(&self) -> Result<u64, QueryError> {
        self.on_serving(|generation| async move {
            self.customer_counter(generation, LONG_TIME_LIMIT)
                .total()
                .await
        })
        .await
    }

    /// Runs a query on the serving generation. The generation that served last time
    /// is queried while the pointer is read; if another one serves by now, the
    /// query is run again.
    async fn on_serving<T, F>(&self, query: impl Fn(i32) -> F) -> Result<T, QueryError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let generations = self.generations();
        let counting = self.memory::<CountCache>();
        let serving = match counting.generation() {
            None => generations.active(Customers::NAME).await?,
            Some(assumed) => {
                let (serving, early) =
                    futures::join!(generations.active(Customers::NAME), query(assumed));
                match serving? {
                    serving if serving == assumed => return Ok(early?),
                    other => other,
                }
            }
        };
        counting.set_generation(serving);
        Ok(query(serving).await?)
    }

    fn customer_counter(&self, generation: i32, time_limit: Duration) -> CustomerCounter<'_> {
        let collection = collection_name(Customers::NAME, generation);
        CustomerCounter::new(self.database(), collection, self.memory(), time_limit)
    }

    /// Returns up to `limit` customers that match, in any order.
    async fn sample_of(
        &self,
        generation: i32,
        filter: &Document,
        limit: usize,
    ) -> Result<Vec<(String, CustomerDocument)>, Error> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let customers = self.collection(Customers::NAME, generation);
        // MongoDB caches one plan per query shape. The best plan for a sample of five
        // differs from the best one for all members. Leaving out a field that is not
        // needed here gives this query a shape of its own.
        let find = customers
            .find(living(filter.clone()))
            .projection(doc! {"folded": 0})
            .max_time(TIME_LIMIT);
        read_customers(find.limit(limit).await?).await
    }
}

/// Combines nodes with their counts.
pub(crate) fn node_counts(nodes: &[(String, NodeRef<'_>)], counts: Vec<u64>) -> Vec<NodeCount> {
    let counted = |((pointer, node), count): (&(String, NodeRef<'_>), u64)| NodeCount {
        pointer: pointer.clone(),
        id: node.id().map(str::to_owned),
        text: node.to_string(),
        count,
    };
    nodes.iter().zip(counts).map(counted).collect()
}
