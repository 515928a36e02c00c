//! Exact counts of the customers that rules match, with as little work for MongoDB
//! as possible.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
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

use super::filter::{complement, filter, merged};
use crate::views::customers::audiences::CountBasis;

/// Number of concurrent counts; MongoDB uses one core for each.
const CONCURRENT_COUNTS: usize = 4;

/// Maximum number of cached counts.
const MAX_CACHED: usize = 10_000;

/// Time for which a calibration of MongoDB's own count is used.
const CALIBRATION_LIFETIME: Duration = Duration::from_secs(600);

/// State that counts share between requests: cached counts and the calibration of
/// MongoDB's own count.
pub(crate) struct CountCache {
    /// Generation that served at the last count; 0 before the first one. It most
    /// likely still serves, so a count can start before that is confirmed.
    generation: AtomicI32,
    cached: Mutex<CachedCounts>,
    calibration: Mutex<Option<Calibration>>,
}

/// Counts of nodes at one state of the view, by a hash of their filters. While a
/// user edits one condition, the others need not be counted again.
#[derive(Default)]
struct CachedCounts {
    basis: Option<CountBasis>,
    counts: HashMap<u128, u64>,
}

/// Error of the count in a collection's metadata. MongoDB keeps that count exact
/// while it runs, but after a crash continues from one up to a minute old.
#[derive(Clone)]
struct Calibration {
    collection: String,
    /// Id of the MongoDB process.
    process: Option<ObjectId>,
    /// Number to add to the metadata's count.
    correction: i64,
    at: Instant,
}

/// A node of rules whose matching customers are to be counted.
pub(crate) struct CountQuery {
    pub(crate) filter: Document,
    /// Key in the cache of counts. `None` for a query with relative dates, which
    /// is different at every instant.
    key: Option<u128>,
    /// Filter of the customers that do not match, where those are cheaper to count.
    complement: Option<Document>,
}

impl CountQuery {
    pub(crate) fn new(node: NodeRef<'_>, now: Timestamp) -> Result<Self, Error> {
        let predicate = node.at(now);
        let filter = filter(&predicate);
        let key = match node.is_relative() {
            true => None,
            false => Some(xxh3_128(&bson::serialize_to_vec(&filter)?)),
        };
        Ok(Self {
            complement: complement(&predicate),
            filter,
            key,
        })
    }

    /// Returns whether both queries have the same filter.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.filter == other.filter
    }
}

/// Counts the customers of one generation, for one request.
pub(crate) struct CustomerCounter<'a> {
    database: &'a Database,
    collection: String,
    counting: Arc<CountCache>,
    time_limit: Duration,
    /// Number of all customers, counted at the first use.
    total: OnceCell<u64>,
}

impl<'a> CustomerCounter<'a> {
    /// Creates a counter of a collection. `time_limit` bounds each count.
    pub(crate) fn new(
        database: &'a Database,
        collection: String,
        counting: Arc<CountCache>,
        time_limit: Duration,
    ) -> Self {
        Self {
            database,
            collection,
            counting,
            time_limit,
            total: OnceCell::new(),
        }
    }

    /// Changes the time limit of further counts; the total stays known.
    pub(crate) fn with_time_limit(self, time_limit: Duration) -> Self {
        Self { time_limit, ..self }
    }

    /// Returns the number of all customers.
    pub(crate) async fn total(&self) -> Result<u64, Error> {
        self.total
            .get_or_try_init(|| async {
                let none = doc! {};
                let (stored, merged) =
                    futures::try_join!(self.stored(), self.run_count(merged(&none)))?;
                Ok(stored.saturating_sub(merged))
            })
            .await
            .copied()
    }

    /// Returns the number of documents.
    async fn stored(&self) -> Result<u64, Error> {
        let (process, count) = futures::try_join!(self.process(), self.metadata_count())?;
        match self.counting.correction(&self.collection, process) {
            Some(correction) => Ok(count.saturating_add_signed(correction)),
            None => self.calibrate(process).await,
        }
    }

    /// Counts with a scan, and records how far off the metadata's count is.
    async fn calibrate(&self, process: Option<ObjectId>) -> Result<u64, Error> {
        // Two equal scans within two equal metadata counts show that no customer
        // was added meanwhile. Otherwise the difference would be wrong.
        let before = self.metadata_count().await?;
        let first = self.scan_count().await?;
        let exact = self.scan_count().await?;
        if first == exact && self.metadata_count().await? == before {
            let calibration = Calibration {
                collection: self.collection.clone(),
                process,
                correction: exact as i64 - before as i64,
                at: Instant::now(),
            };
            let last = self.counting.calibration.lock();
            *last.unwrap_or_else(PoisonError::into_inner) = Some(calibration);
        }
        Ok(exact)
    }

    async fn scan_count(&self) -> Result<u64, Error> {
        self.run(doc! {"count": &self.collection, "hint": {"_id": 1}})
            .await
    }

    async fn metadata_count(&self) -> Result<u64, Error> {
        self.run(doc! {"count": &self.collection}).await
    }

    /// Returns the id of the MongoDB process, which changes at a restart.
    async fn process(&self) -> Result<Option<ObjectId>, Error> {
        let hello = self.database.run_command(doc! {"hello": 1}).await?;
        let version = hello.get_document("topologyVersion").ok();
        Ok(version.and_then(|version| version.get_object_id("processId").ok()))
    }

    /// Returns the number of customers that match a query.
    pub(crate) async fn count(&self, query: &CountQuery) -> Result<u64, Error> {
        match &query.complement {
            None => self.find_count(&query.filter).await,
            Some(others) => {
                let (total, others) = futures::try_join!(self.total(), self.find_count(others))?;
                Ok(total.saturating_sub(others))
            }
        }
    }

    /// Returns the count of each query, from the cache where it has the count for
    /// this state of the view.
    pub(crate) async fn counts(
        &self,
        queries: &[&CountQuery],
        basis: &CountBasis,
    ) -> Result<Vec<u64>, Error> {
        let each: Vec<_> = queries
            .iter()
            .map(|q| self.cached_count(q, basis))
            .collect();
        stream::iter(each)
            .buffered(CONCURRENT_COUNTS)
            .try_collect()
            .await
    }

    async fn cached_count(&self, query: &CountQuery, basis: &CountBasis) -> Result<u64, Error> {
        let Some(key) = query.key else {
            return self.count(query).await;
        };
        if let Some(count) = self.counting.cached(basis, key) {
            return Ok(count);
        }
        let count = self.count(query).await?;
        self.counting.cache(basis, key, count);
        Ok(count)
    }

    /// Counts the customers that a filter finds and that were not merged. They are
    /// counted as a difference: a condition on merges in the filter would make MongoDB
    /// read all documents that it finds, and few customers are merged.
    async fn find_count(&self, filter: &Document) -> Result<u64, Error> {
        let all = self.run_count(filter.clone());
        let (all, merged) = futures::try_join!(all, self.run_count(merged(filter)))?;
        Ok(all.saturating_sub(merged))
    }

    async fn run_count(&self, query: Document) -> Result<u64, Error> {
        self.run(doc! {"count": &self.collection, "query": query})
            .await
    }

    /// Runs MongoDB's command `count`, which counts within an index; an aggregation
    /// would carry every key through its stages.
    async fn run(&self, mut count: Document) -> Result<u64, Error> {
        count.insert("maxTimeMS", self.time_limit.as_millis() as i64);
        let reply = self.database.run_command(count).await?;
        let n = reply
            .get_i32("n")
            .map(i64::from)
            .or_else(|_| reply.get_i64("n"));
        let n = n.map_err(Error::custom)?;
        Ok(u64::try_from(n).unwrap_or_default())
    }
}

impl Default for CountCache {
    fn default() -> Self {
        Self {
            generation: AtomicI32::new(0),
            cached: Mutex::default(),
            calibration: Mutex::default(),
        }
    }
}

impl CountCache {
    /// Returns the generation that served last, if there was a count before.
    pub(crate) fn generation(&self) -> Option<i32> {
        // Relaxed: a stale generation only causes a query to be run again.
        let generation = self.generation.load(Ordering::Relaxed);
        (generation > 0).then_some(generation)
    }

    /// Records the generation that serves.
    pub(crate) fn set_generation(&self, generation: i32) {
        self.generation.store(generation, Ordering::Relaxed);
    }

    /// Returns the correction of a collection's metadata count, while its
    /// calibration is valid.
    fn correction(&self, collection: &str, process: Option<ObjectId>) -> Option<i64> {
        let calibration = self
            .calibration
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let calibration = calibration.as_ref()?;
        // After a restart of MongoDB the count may be off by another number.
        let is_valid = calibration.collection == collection
            && calibration.process == process
            && calibration.at.elapsed() < CALIBRATION_LIFETIME;
        is_valid.then_some(calibration.correction)
    }

    fn cached(&self, basis: &CountBasis, key: u128) -> Option<u64> {
        let cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let is_current = cached.basis.as_ref() == Some(basis);
        is_current
            .then(|| cached.counts.get(&key).copied())
            .flatten()
    }

    fn cache(&self, basis: &CountBasis, key: u128, count: u64) {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if cached.basis.as_ref() != Some(basis) || cached.counts.len() >= MAX_CACHED {
            cached.counts.clear();
            cached.basis = Some(basis.clone());
        }
        cached.counts.insert(key, count);
    }
}
