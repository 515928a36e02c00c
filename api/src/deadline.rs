//! When a request is answered at the latest.

use std::time::Duration;

use tokio::time::Instant;

/// The time that is left for writing before a deadline, at most.
const WRITES: Duration = Duration::from_secs(10);

/// The end of the time that a request may take. [`crate::observe`] adds it to
/// every request as an extension.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at: Instant,
    limit: Duration,
}

impl Deadline {
    /// Of a request that begins now.
    pub(crate) fn after(limit: Duration) -> Self {
        Self {
            at: Instant::now() + limit,
            limit,
        }
    }

    /// When to stop waiting, so that a third of the time, 10 s at most, is left
    /// for writes.
    pub(crate) fn less_writes(self) -> Instant {
        self.at - WRITES.min(self.limit / 3)
    }
}
