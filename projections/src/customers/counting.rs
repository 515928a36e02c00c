//! Counting whom rules match, with as little of MongoDB's work as is exact.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bson::oid::ObjectId;
use bson::{Document, doc};
use domain::Timestamp;
use domain::rules::NodeRef;
use futures::{StreamExt, TryStreamExt, stream};
use mongodb::Database;
use mongodb::error::Error;

use super::filter::{contrary, filter};
use crate::audiences::Basis;

/// Nodes counted at once; MongoDB counts each on one core.
const AT_ONCE: usize = 4;

/// How many counts are remembered.
const MAX_KNOWN: usize = 10_000;

/// The longest that MongoDB may count.
pub(super) const PATIENCE: Duration = Duration::from_secs(25);

/// What was counted before and still holds.
pub(crate) struct Counting {
    /// The generation that served when it was last asked. Most often it serves
    /// still, and need not be waited for.
    generation: AtomicI32,
    known: Mutex<Known>,
    calibrated: Mutex<Option<Calibrated>>,
}

/// Counts of nodes at one state of the view. While somebody changes one
/// condition, the others need not be counted again.
#[derive(Default)]
struct Known {
    basis: Option<Basis>,
    counts: HashMap<Vec<u8>, u64>,
}

/// How much MongoDB's own count of a collection is wrong. It keeps it exactly
/// while it runs, but after a crash goes on from one that may be a minute old.
#[derive(Clone, PartialEq)]
struct Calibrated {
    collection: String,
    /// MongoDB's process.
    process: Option<ObjectId>,
    /// What is to be added.
    missing: i64,
}

/// A question to count the answers of.
pub(super) struct Question {
    pub(super) filter: Document,
    /// Finds the others, where those are easier to count.
    contrary: Option<Document>,
}

impl Question {
    pub(super) fn new(node: &NodeRef<'_>, now: Timestamp) -> Self {
        let predicate = node.at(now);
        Self {
            filter: filter(&predicate),
            contrary: contrary(&predicate),
        }
    }
}

/// The customers of one generation, to be counted.
pub(super) struct Countable<'a> {
    pub(super) database: &'a Database,
    pub(super) collection: String,
    pub(super) counting: &'a Counting,
}

impl Countable<'_> {
    /// How many customers there are.
    pub(super) async fn total(&self) -> Result<u64, Error> {
        let (process, fast) = futures::try_join!(self.process(), self.fast())?;
        let locked = self.counting.calibrated.lock();
        let calibrated = locked.unwrap_or_else(PoisonError::into_inner).clone();
        match calibrated {
            Some(c) if c.collection == self.collection && c.process == process => {
                Ok(fast.saturating_add_signed(c.missing))
            }
            _ => self.calibrate(process, fast).await,
        }
    }

    /// Counts one by one, and remembers how far off MongoDB's own count is,
    /// unless customers came in meanwhile.
    async fn calibrate(&self, process: Option<ObjectId>, fast: u64) -> Result<u64, Error> {
        let exact = doc! {"count": &self.collection, "hint": {"_id": 1}};
        let exact = self.run(exact).await?;
        if self.fast().await? == fast {
            let calibrated = Calibrated {
                collection: self.collection.clone(),
                process,
                missing: exact as i64 - fast as i64,
            };
            let locked = self.counting.calibrated.lock();
            *locked.unwrap_or_else(PoisonError::into_inner) = Some(calibrated);
        }
        Ok(exact)
    }

    async fn fast(&self) -> Result<u64, Error> {
        self.run(doc! {"count": &self.collection}).await
    }

    async fn process(&self) -> Result<Option<ObjectId>, Error> {
        let hello = self.database.run_command(doc! {"hello": 1}).await?;
        let version = hello.get_document("topologyVersion").ok();
        Ok(version.and_then(|version| version.get_object_id("processId").ok()))
    }

    /// How many there are of whom a question asks.
    pub(super) async fn count(&self, question: &Question) -> Result<u64, Error> {
        match &question.contrary {
            None => self.find_count(&question.filter).await,
            Some(others) => {
                let (total, others) = futures::try_join!(self.total(), self.find_count(others))?;
                Ok(total.saturating_sub(others))
            }
        }
    }

    /// The same for each question. What is known for this state of the view is
    /// not asked again.
    pub(super) async fn counts(
        &self,
        questions: &[&Question],
        basis: &Basis,
    ) -> Result<Vec<u64>, Error> {
        let each: Vec<_> = questions
            .iter()
            .map(|q| self.remembered(q, basis))
            .collect();
        stream::iter(each).buffered(AT_ONCE).try_collect().await
    }

    async fn remembered(&self, question: &Question, basis: &Basis) -> Result<u64, Error> {
        let key = bson::serialize_to_vec(&question.filter)?;
        if let Some(count) = self.counting.get(basis, &key) {
            return Ok(count);
        }
        let count = self.count(question).await?;
        self.counting.put(basis, key, count);
        Ok(count)
    }

    async fn find_count(&self, filter: &Document) -> Result<u64, Error> {
        self.run(doc! {"count": &self.collection, "query": filter})
            .await
    }

    /// MongoDB's command `count`: it counts within an index where an
    /// aggregation carries every key through its stages.
    async fn run(&self, mut count: Document) -> Result<u64, Error> {
        count.insert("maxTimeMS", PATIENCE.as_millis() as i64);
        let reply = self.database.run_command(count).await?;
        let n = reply
            .get_i32("n")
            .map(i64::from)
            .or_else(|_| reply.get_i64("n"));
        let n = n.map_err(Error::custom)?;
        Ok(u64::try_from(n).unwrap_or_default())
    }
}

impl Default for Counting {
    fn default() -> Self {
        Self {
            generation: AtomicI32::new(1),
            known: Mutex::default(),
            calibrated: Mutex::default(),
        }
    }
}

impl Counting {
    /// The generation that probably serves.
    pub(super) fn generation(&self) -> i32 {
        self.generation.load(Ordering::Relaxed)
    }

    /// This one serves.
    pub(super) fn served(&self, generation: i32) {
        self.generation.store(generation, Ordering::Relaxed);
    }

    fn get(&self, basis: &Basis, key: &[u8]) -> Option<u64> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let still = known.basis.as_ref() == Some(basis);
        still.then(|| known.counts.get(key).copied()).flatten()
    }

    fn put(&self, basis: &Basis, key: Vec<u8>, count: u64) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.basis.as_ref() != Some(basis) || known.counts.len() >= MAX_KNOWN {
            known.counts.clear();
            known.basis = Some(basis.clone());
        }
        known.counts.insert(key, count);
    }
}
