//! Concurrency limits of long reads of the log, shared fairly by all callers.
//!
//! A read holds a place from its start to its end, even if it outlives its request as a
//! job. Its work is divided by partition. Folding a partition needs a permit of the
//! caller's semaphore and one of the shared semaphore; both are fair. A caller has at
//! most three folds running or waiting in the shared queue, regardless of the number of
//! its reads, so others wait for a few partitions at most. The number of concurrent folds
//! also bounds the memory that reads use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use projections::LongRead;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::permit_by;
use super::shares::Shares;
use crate::http::problem::Problem;

/// Maximum number of concurrent folds of partitions.
const FOLDS: usize = 4;

/// Maximum number of concurrent folds for one caller. One below [`FOLDS`], so that a
/// caller cannot block all others.
const FOLDS_PER_CALLER: usize = FOLDS - 1;

/// Maximum number of requests that wait for a read. They hold places of concurrent requests
/// meanwhile.
const MAX_WAITING: usize = 64;

/// Divisor of the number of reads, and of those that wait, that gives one caller's share.
const CALLER_SHARE: usize = 4;

/// Limits of long reads of the log in this process.
pub(crate) struct LogReads {
    reads: Arc<Semaphore>,
    reads_per_caller: usize,
    folds: Arc<Semaphore>,
    /// Places of requests that wait for a read.
    waiting: Shares,
    /// Callers with running or waiting reads, by name. Weak, so that a caller
    /// disappears with its last read.
    callers: Mutex<HashMap<String, Weak<CallerLimits>>>,
}

/// Limits of one caller.
struct CallerLimits {
    reads: Arc<Semaphore>,
    folds: Arc<Semaphore>,
}

/// Place of one read, released when dropped.
pub(crate) struct LogRead {
    /// Read that holds the place.
    pub(crate) reading: LongRead,
    /// Keeps the caller's limits alive.
    _caller: Arc<CallerLimits>,
    _places: [OwnedSemaphorePermit; 2],
}

impl LogReads {
    /// Creates limits for `reads` concurrent reads.
    pub(crate) fn new(reads: usize) -> Self {
        Self {
            reads: Arc::new(Semaphore::new(reads)),
            reads_per_caller: (reads / CALLER_SHARE).max(1),
            folds: Arc::new(Semaphore::new(FOLDS)),
            waiting: Shares::new(MAX_WAITING, MAX_WAITING / CALLER_SHARE),
            callers: Mutex::default(),
        }
    }

    /// Waits for a place until `by`, first in the caller's queue and then in the shared
    /// one.
    ///
    /// # Errors
    /// 503 if none becomes free in time, or too many requests wait.
    pub(crate) async fn place(&self, caller: &str, by: Instant) -> Result<LogRead, Problem> {
        let waiting = self.waiting.place(&Arc::from(caller))?;
        let caller = self.caller(caller);
        let places = async {
            let own = caller.reads.clone().acquire_owned().await?;
            Ok([own, self.reads.clone().acquire_owned().await?])
        };
        let places = permit_by(by, places).await?;
        drop(waiting);
        let shared = vec![caller.folds.clone(), self.folds.clone()];
        Ok(LogRead {
            reading: LongRead::sharing(shared),
            _caller: caller,
            _places: places,
        })
    }

    fn caller(&self, name: &str) -> Arc<CallerLimits> {
        // Poisoning is harmless: no operation on the map panics halfway.
        let callers = self.callers.lock();
        let mut callers = callers.unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = callers.get(name).and_then(Weak::upgrade) {
            return known;
        }
        callers.retain(|_, caller| caller.strong_count() > 0);
        let caller = Arc::new(CallerLimits {
            reads: Arc::new(Semaphore::new(self.reads_per_caller)),
            folds: Arc::new(Semaphore::new(FOLDS_PER_CALLER)),
        });
        callers.insert(name.to_owned(), Arc::downgrade(&caller));
        caller
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_caller_may_use_a_quarter_and_leaves_the_rest_to_others() {
        let reads = LogReads::new(4);
        let soon = Instant::now() + Duration::from_secs(10);
        let first = reads.place("key:a", soon).now_or_never();
        assert!(matches!(first, Some(Ok(_))));
        assert!(reads.place("key:a", soon).now_or_never().is_none());
        let other = reads.place("key:b", soon).now_or_never();
        assert!(matches!(other, Some(Ok(_))));
        drop((first, other));
        assert!(reads.place("key:a", soon).now_or_never().is_some());
        reads.caller("key:c");
        assert_eq!(reads.callers.lock().unwrap().len(), 1, "others are gone");
    }
}
