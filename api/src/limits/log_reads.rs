//! Room for long reads of the log, shared fairly by all callers.
//!
//! A read has a place from its beginning to its end, also where it outlives its
//! request as a job. Its work is cut into partitions. A partition is folded
//! only with a permit of its caller's and one that all callers share; both
//! semaphores are fair. A caller has at most three folds under way or waiting
//! in the shared queue, however many reads it has begun, so that others wait
//! for a few partitions at most. The number of partitions folded at once also
//! bounds the memory that reads take.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use projections::LongRead;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::problem::Problem;
use crate::state::permit_by;

/// Partitions folded at once.
const FOLDS: usize = 4;

/// Partitions folded at once for one caller.
const FOLDS_PER_CALLER: usize = FOLDS - 1;

/// Which part of all reads at once may be one caller's.
const CALLER_SHARE: usize = 4;

/// Long reads of the log in this process.
pub(crate) struct LogReads {
    reads: Arc<Semaphore>,
    reads_per_caller: usize,
    folds: Arc<Semaphore>,
    /// Callers that have reads under way, or wait for one, by name.
    callers: Mutex<HashMap<String, Weak<Caller>>>,
}

/// What one caller has.
struct Caller {
    reads: Arc<Semaphore>,
    folds: Arc<Semaphore>,
}

/// A place for one read, given back when dropped.
pub(crate) struct LogRead {
    /// The read that has the place.
    pub(crate) reading: LongRead,
    /// Keeps the caller among those that have reads.
    _caller: Arc<Caller>,
    _places: [OwnedSemaphorePermit; 2],
}

impl LogReads {
    /// Up to `reads` at once.
    pub(crate) fn new(reads: usize) -> Self {
        Self {
            reads: Arc::new(Semaphore::new(reads)),
            reads_per_caller: (reads / CALLER_SHARE).max(1),
            folds: Arc::new(Semaphore::new(FOLDS)),
            callers: Mutex::default(),
        }
    }

    /// Waits for a place, in order among the caller's and then among all.
    ///
    /// # Errors
    /// 503 if there is none by then.
    pub(crate) async fn place(&self, caller: &str, by: Instant) -> Result<LogRead, Problem> {
        let caller = self.caller(caller);
        let places = async {
            let own = caller.reads.clone().acquire_owned().await?;
            Ok([own, self.reads.clone().acquire_owned().await?])
        };
        let places = permit_by(by, places).await?;
        let shared = vec![caller.folds.clone(), self.folds.clone()];
        Ok(LogRead {
            reading: LongRead::sharing(shared),
            _caller: caller,
            _places: places,
        })
    }

    fn caller(&self, name: &str) -> Arc<Caller> {
        // Nothing that is done with it panics half-way.
        let callers = self.callers.lock();
        let mut callers = callers.unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = callers.get(name).and_then(Weak::upgrade) {
            return known;
        }
        callers.retain(|_, caller| caller.strong_count() > 0);
        let caller = Arc::new(Caller {
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
    async fn a_caller_has_a_quarter_and_others_have_the_rest() {
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
