//! Facts about the store's data, cached.

use std::sync::Arc;
use std::time::{Duration, Instant};

use assist::{Facts, Measure};
use domain::{Currency, Name};
use projections::Store;
use projections::analytics::StoreFacts;
use tokio::sync::Mutex;

use crate::http::problem::{Problem, ProblemKind};

/// Maximum time that a request waits for the facts.
const MAX_WAIT: Duration = Duration::from_secs(15);

/// Ratio of the time that facts are cached to the time that their queries took.
/// Queries that take up to 6 s therefore keep MongoDB busy for at most 1 % of the time.
const CACHE_FACTOR: u32 = 100;

/// Lower bound of the time for which facts are cached.
const MIN_CACHED: Duration = Duration::from_secs(1);

/// Upper bound of the time for which facts are cached.
const MAX_CACHED: Duration = Duration::from_secs(600);

/// Cache of the latest facts; empty until they are first loaded.
#[derive(Default)]
pub(super) struct CachedFacts(Arc<Mutex<Option<CacheEntry>>>);

struct CacheEntry {
    facts: Arc<Facts>,
    until: Instant,
}

impl CachedFacts {
    /// Returns facts about the store's data, at most ten minutes old.
    ///
    /// # Errors
    /// 503 if MongoDB does not answer, or takes longer than [`MAX_WAIT`].
    pub(super) async fn get(
        &self,
        store: &Store,
        currency: Currency,
    ) -> Result<Arc<Facts>, Problem> {
        // The first request loads the facts for all that wait. The load runs in a
        // separate task, so that it completes even if that request is canceled.
        let (cache, store) = (self.0.clone(), store.clone());
        let loading = tokio::spawn(async move {
            let mut cache = cache.lock_owned().await;
            match &*cache {
                Some(entry) if Instant::now() < entry.until => Ok(entry.facts.clone()),
                _ => {
                    let started = Instant::now();
                    let facts = Arc::new(facts_of(currency, store.store_facts().await?));
                    let cached = (started.elapsed() * CACHE_FACTOR).clamp(MIN_CACHED, MAX_CACHED);
                    *cache = Some(CacheEntry {
                        facts: facts.clone(),
                        until: Instant::now() + cached,
                    });
                    Ok(facts)
                }
            }
        });
        match tokio::time::timeout(MAX_WAIT, loading).await {
            Ok(Ok(found)) => found,
            Ok(Err(_)) => Err(Problem::internal()),
            Err(_) => {
                let detail =
                    "the store's statistics are still being computed; send the request again";
                Err(Problem::new(ProblemKind::Busy, detail))
            }
        }
    }
}

fn facts_of(currency: Currency, found: StoreFacts) -> Facts {
    let deciles = |measure: Measure| {
        let deciles = found.deciles.get(measure.field())?;
        Some((measure, *deciles))
    };
    // Activities had valid names when they were recorded.
    let named = |(name, count)| Some((Name::try_from(name).ok()?, count));
    Facts {
        currency,
        quantiles: Measure::ALL.into_iter().filter_map(deciles).collect(),
        cities: found.cities,
        countries: found.countries,
        tags: found.tags,
        activities: found.activities.into_iter().filter_map(named).collect(),
    }
}
