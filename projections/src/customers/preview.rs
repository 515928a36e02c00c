//! What rules come to before anybody saves them.

use std::time::{Duration, Instant};

use bson::{Document, doc};
use domain::Timestamp;
use domain::rules::{NodeRef, Rules};
use mongodb::error::Error;

use super::counting::{Countable, Question};
use super::members::read;
use super::{CustomerDocument, Customers};
use crate::store::collection_name;
use crate::view::View;
use crate::{QueryError, Store};

/// The longest that MongoDB may count for somebody who waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest that it may count where nobody does.
const LONG_PATIENCE: Duration = Duration::from_secs(60);

/// What rules come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// How many customers match.
    pub count: u64,
    /// How many customers there are.
    pub total: u64,
    /// How many customers have an event that cannot be folded. In a preview of
    /// the past they are in no other figure; in one of the present they count
    /// as they were before that event.
    pub undetermined: u64,
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

/// How many customers match rules.
pub(crate) struct Counted {
    pub(crate) members: u64,
    /// How many customers there are.
    pub(crate) customers: u64,
    /// How long counting the members took.
    pub(crate) took: Duration,
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
        let customers = self.countable(generation, PATIENCE);
        let nodes = rules.nodes();
        let questions = nodes.iter().map(|(_, node)| Question::new(*node, now));
        let questions: Vec<Question> = questions.collect::<Result<_, _>>()?;
        let whole = Question::new(NodeRef::Group(rules.root()), now)?;
        let others: Vec<&Question> = questions.iter().filter(|q| !q.is_same(&whole)).collect();
        let counting_others = async {
            let basis = self.basis_of(generation).await?;
            customers.counts(&others, &basis).await
        };
        let (count, total, undetermined, sample, counts) = futures::try_join!(
            customers.count(&whole),
            customers.total(),
            self.count_set_aside(Customers::NAME, generation),
            self.some(generation, &whole.filter, sample),
            counting_others,
        )?;
        Ok(Preview {
            count,
            total,
            undetermined,
            sample,
            nodes: node_counts(&nodes, all_counts(&questions, &whole, count, counts)),
            took: Duration::ZERO,
        })
    }

    /// How many match the rules at this instant.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn count_members(&self, rules: &Rules, now: Timestamp) -> Result<u64, QueryError> {
        let whole = Question::new(NodeRef::Group(rules.root()), now)?;
        let whole = &whole;
        self.on_serving(|generation| async move {
            self.countable(generation, LONG_PATIENCE).count(whole).await
        })
        .await
    }

    /// The same, of how many customers, and how long MongoDB took for it.
    ///
    /// # Errors
    /// [`QueryError::TooLong`] if it takes longer than `limit`; another one if
    /// MongoDB does not answer.
    pub(crate) async fn count_members_within(
        &self,
        rules: &Rules,
        now: Timestamp,
        limit: Duration,
    ) -> Result<Counted, QueryError> {
        let whole = Question::new(NodeRef::Group(rules.root()), now)?;
        let whole = &whole;
        self.on_serving(|generation| async move {
            // Counting everybody may take long, and is nothing to do with these
            // rules.
            let everybody = self.countable(generation, LONG_PATIENCE);
            let customers = everybody.total().await?;
            let start = Instant::now();
            let members = everybody.within(limit).count(whole).await?;
            Ok(Counted {
                members,
                customers,
                took: start.elapsed(),
            })
        })
        .await
    }

    /// How many customers there are.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn count_customers(&self) -> Result<u64, QueryError> {
        self.on_serving(|generation| async move {
            self.countable(generation, LONG_PATIENCE).total().await
        })
        .await
    }

    /// Asks the generation that serves. The one that did last time is asked
    /// while it is made sure that it still does.
    async fn on_serving<T, F>(&self, ask: impl Fn(i32) -> F) -> Result<T, QueryError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let generations = self.generations();
        let serving = match self.counting().generation() {
            None => generations.active(Customers::NAME).await?,
            Some(assumed) => {
                let (serving, early) =
                    futures::join!(generations.active(Customers::NAME), ask(assumed));
                match serving? {
                    serving if serving == assumed => return Ok(early?),
                    other => other,
                }
            }
        };
        self.counting().served(serving);
        Ok(ask(serving).await?)
    }

    fn countable(&self, generation: i32, patience: Duration) -> Countable<'_> {
        let collection = collection_name(Customers::NAME, generation);
        Countable::new(self.database(), collection, self.counting(), patience)
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
        // MongoDB remembers one plan for all questions of a shape. Who wants
        // five of them is best served by another than who counts all: without
        // a field nobody needs here it is a shape of its own.
        let find = customers
            .find(filter.clone())
            .projection(doc! {"folded": 0})
            .max_time(PATIENCE);
        read(find.limit(most).await?).await
    }
}

/// The counts of all nodes: a group of one asks what the one asks.
fn all_counts(questions: &[Question], whole: &Question, count: u64, others: Vec<u64>) -> Vec<u64> {
    let mut others = others.into_iter();
    let each = questions
        .iter()
        .map(|question| match question.is_same(whole) {
            true => count,
            false => others.next().unwrap_or_default(),
        });
    each.collect()
}

/// Nodes with their counts.
pub(super) fn node_counts(nodes: &[(String, NodeRef<'_>)], counts: Vec<u64>) -> Vec<NodeCount> {
    let counted = |((pointer, node), count): (&(String, NodeRef<'_>), u64)| NodeCount {
        pointer: pointer.clone(),
        id: node.id().map(str::to_owned),
        text: node.to_string(),
        count,
    };
    nodes.iter().zip(counts).map(counted).collect()
}
