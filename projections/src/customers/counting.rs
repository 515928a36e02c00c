//! Counting whom rules match, with as little of MongoDB's work as is exact.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bson::oid::ObjectId;
use bson::{Document, doc};
use domain::Timestamp;
use domain::rules::NodeRef;
use futures::{StreamExt, TryStreamExt, stream};
use mongodb::Database;
use mongodb::error::Error;
use tokio::sync::OnceCell;
use xxhash_rust::xxh3::xxh3_128;

use super::filter::{contrary, filter};
use crate::audiences::Basis;

/// Nodes counted at once; MongoDB counts each on one core.
const AT_ONCE: usize = 4;

/// How many counts are remembered.
const MAX_KNOWN: usize = 10_000;

/// For how long MongoDB's own count is taken to be as wrong as it was.
const CALIBRATED: Duration = Duration::from_secs(600);

/// What was counted before and still holds.
pub(crate) struct Counting {
    /// The generation that served when it was last asked; 0 before. Most often
    /// it serves still, and need not be waited for.
    generation: AtomicI32,
    known: Mutex<Known>,
    calibrated: Mutex<Option<Calibrated>>,
}

/// Counts of nodes at one state of the view, by a hash of their filters. While
/// somebody changes one condition, the others need not be counted again.
#[derive(Default)]
struct Known {
    basis: Option<Basis>,
    counts: HashMap<u128, u64>,
}

/// How much MongoDB's own count of a collection is wrong. It keeps it exactly
/// while it runs, but after a crash goes on from one that may be a minute old.
#[derive(Clone)]
struct Calibrated {
    collection: String,
    /// MongoDB's process.
    process: Option<ObjectId>,
    /// What is to be added.
    missing: i64,
    at: Instant,
}

/// A question to count the answers of.
pub(super) struct Question {
    pub(super) filter: Document,
    /// What its count is remembered by. A question that moves with the clock
    /// is never asked twice.
    key: Option<u128>,
    /// Finds the others, where those are easier to count.
    contrary: Option<Document>,
}

impl Question {
    pub(super) fn new(node: NodeRef<'_>, now: Timestamp) -> Result<Self, Error> {
        let predicate = node.at(now);
        let filter = filter(&predicate);
        let key = match node.is_relative() {
            true => None,
            false => Some(xxh3_128(&bson::serialize_to_vec(&filter)?)),
        };
        Ok(Self {
            contrary: contrary(&predicate),
            filter,
            key,
        })
    }

    /// Whether it asks the same.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.filter == other.filter
    }
}

/// The customers of one generation, for the time of one answer.
pub(super) struct Countable<'a> {
    database: &'a Database,
    collection: String,
    counting: &'a Counting,
    patience: Duration,
    /// How many there are, once somebody asked.
    total: OnceCell<u64>,
}

impl<'a> Countable<'a> {
    /// `patience` is the longest that MongoDB may take for one count.
    pub(super) fn new(
        database: &'a Database,
        collection: String,
        counting: &'a Counting,
        patience: Duration,
    ) -> Self {
        Self {
            database,
            collection,
            counting,
            patience,
            total: OnceCell::new(),
        }
    }

    /// The same customers, of whom as many are known; another count may take so
    /// long.
    pub(super) fn within(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// How many customers there are.
    pub(super) async fn total(&self) -> Result<u64, Error> {
        self.total
            .get_or_try_init(|| self.count_all())
            .await
            .copied()
    }

    async fn count_all(&self) -> Result<u64, Error> {
        let (process, fast) = futures::try_join!(self.process(), self.fast())?;
        match self.counting.missing(&self.collection, process) {
            Some(missing) => Ok(fast.saturating_add_signed(missing)),
            None => self.calibrate(process).await,
        }
    }

    /// Counts one by one, twice, and remembers how far off MongoDB's own count
    /// is, unless customers came in meanwhile.
    async fn calibrate(&self, process: Option<ObjectId>) -> Result<u64, Error> {
        let before = self.fast().await?;
        let first = self.one_by_one().await?;
        let exact = self.one_by_one().await?;
        if first == exact && self.fast().await? == before {
            self.counting.calibrated(Calibrated {
                collection: self.collection.clone(),
                process,
                missing: exact as i64 - before as i64,
                at: Instant::now(),
            });
        }
        Ok(exact)
    }

    async fn one_by_one(&self) -> Result<u64, Error> {
        self.run(doc! {"count": &self.collection, "hint": {"_id": 1}})
            .await
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
        let Some(key) = question.key else {
            return self.count(question).await;
        };
        if let Some(count) = self.counting.known(basis, key) {
            return Ok(count);
        }
        let count = self.count(question).await?;
        self.counting.remember(basis, key, count);
        Ok(count)
    }

    async fn find_count(&self, filter: &Document) -> Result<u64, Error> {
        self.run(doc! {"count": &self.collection, "query": filter})
            .await
    }

    /// MongoDB's command `count`: it counts within an index where an
    /// aggregation carries every key through its stages.
    async fn run(&self, mut count: Document) -> Result<u64, Error> {
        count.insert("maxTimeMS", self.patience.as_millis() as i64);
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
            generation: AtomicI32::new(0),
            known: Mutex::default(),
            calibrated: Mutex::default(),
        }
    }
}

impl Counting {
    /// The generation that probably serves, if any was seen to.
    pub(super) fn generation(&self) -> Option<i32> {
        let generation = self.generation.load(Ordering::Relaxed);
        (generation > 0).then_some(generation)
    }

    /// This one serves.
    pub(super) fn served(&self, generation: i32) {
        self.generation.store(generation, Ordering::Relaxed);
    }

    fn missing(&self, collection: &str, process: Option<ObjectId>) -> Option<i64> {
        let calibrated = self
            .calibrated
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let calibrated = calibrated.as_ref()?;
        let holds = calibrated.collection == collection
            && calibrated.process == process
            && calibrated.at.elapsed() < CALIBRATED;
        holds.then_some(calibrated.missing)
    }

    fn calibrated(&self, calibrated: Calibrated) {
        let mut last = self
            .calibrated
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *last = Some(calibrated);
    }

    fn known(&self, basis: &Basis, key: u128) -> Option<u64> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let still = known.basis.as_ref() == Some(basis);
        still.then(|| known.counts.get(&key).copied()).flatten()
    }

    fn remember(&self, basis: &Basis, key: u128, count: u64) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.basis.as_ref() != Some(basis) || known.counts.len() >= MAX_KNOWN {
            known.counts.clear();
            known.basis = Some(basis.clone());
        }
        known.counts.insert(key, count);
    }
}
