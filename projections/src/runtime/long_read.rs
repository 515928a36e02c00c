//! Long reads of the log: their progress, and a bound on how many run at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use eventlog::{Log, LogError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A read of the whole log. It counts the events it has read, and folds a
/// partition only while it holds a permit of each of its semaphores, so that
/// several reads share the machine. Clones refer to the same read.
#[derive(Debug, Clone, Default)]
pub struct LongRead(Arc<ReadState>);

#[derive(Debug, Default)]
struct ReadState {
    read: AtomicU64,
    of: AtomicU64,
    semaphores: Vec<Arc<Semaphore>>,
}

/// Progress of a long read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadProgress {
    /// Number of events read.
    pub read: u64,
    /// Number of events to read; 0 until known.
    pub of: u64,
}

impl LongRead {
    /// Creates a read that shares these semaphores with others. It acquires one
    /// permit of each, in this order, for every partition that it folds.
    pub fn sharing(semaphores: Vec<Arc<Semaphore>>) -> Self {
        Self(Arc::new(ReadState {
            semaphores,
            ..ReadState::default()
        }))
    }

    /// Returns the progress.
    pub fn progress(&self) -> ReadProgress {
        let read = self.0.read.load(Ordering::Relaxed);
        // The log may have grown since the read began.
        let of = self.0.of.load(Ordering::Relaxed).max(read);
        ReadProgress { read, of }
    }

    /// Begins the read by determining the number of events.
    ///
    /// # Errors
    /// As [`require_whole`].
    pub(crate) async fn begin(&self, log: &Log) -> Result<(), LogError> {
        require_whole(log).await?;
        let ends = log.ends().await?;
        self.expect(ends.iter().map(|end| end.number).sum());
        Ok(())
    }

    /// Sets the number of events to read.
    pub fn expect(&self, events: u64) {
        self.0.of.store(events, Ordering::Relaxed);
    }

    /// Counts events that were read.
    pub fn count(&self, events: u64) {
        self.0.read.fetch_add(events, Ordering::Relaxed);
    }

    /// Waits until this read may fold one more partition. It may do so until
    /// the permits are dropped.
    pub async fn turn(&self) -> Vec<OwnedSemaphorePermit> {
        let mut permits = Vec::with_capacity(self.0.semaphores.len());
        for semaphore in &self.0.semaphores {
            // A closed semaphore gives no permit, and there is nothing to wait
            // for.
            permits.extend(semaphore.clone().acquire_owned().await);
        }
        permits
    }
}

/// Checks that the log still has all of its events, as required by reads from
/// its beginning.
///
/// # Errors
/// [`LogError::Trimmed`] if any were trimmed; any other if Redis does not
/// answer.
pub async fn require_whole(log: &Log) -> Result<(), LogError> {
    let floors = log.floors().await?;
    match floors.into_iter().find(|floor| floor.number > 1) {
        Some(floor) => Err(LogError::Trimmed { floor }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn progress_never_exceeds_the_total() {
        let read = LongRead::default();
        read.0.of.store(5, Ordering::Relaxed);
        read.count(3);
        assert_eq!(read.progress(), ReadProgress { read: 3, of: 5 });
        read.count(3);
        assert_eq!(read.progress(), ReadProgress { read: 6, of: 6 });
    }

    #[test]
    fn a_caller_with_many_reads_leaves_permits_for_others() {
        let all = Arc::new(Semaphore::new(3));
        let read = || {
            let own = Arc::new(Semaphore::new(2));
            LongRead::sharing(vec![own, all.clone()])
        };
        let (busy, other) = (read(), read());
        let _held = [busy.turn().now_or_never(), busy.turn().now_or_never()];
        assert!(busy.turn().now_or_never().is_none());
        assert!(other.turn().now_or_never().is_some());
    }
}
