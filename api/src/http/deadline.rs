//! Deadline of a request.

use std::time::Duration;

use tokio::time::Instant;

/// Maximum time that is reserved for writes before a deadline.
const RESERVED_FOR_WRITES: Duration = Duration::from_secs(10);

/// Time by which a request must be answered. [`crate::http::middleware`] adds it to
/// every request as an extension.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at: Instant,
    limit: Duration,
}

impl Deadline {
    /// Creates the deadline of a request that begins now.
    pub(crate) fn after(limit: Duration) -> Self {
        Self {
            at: Instant::now() + limit,
            limit,
        }
    }

    /// Returns the time itself.
    pub(crate) fn at(self) -> Instant {
        self.at
    }

    /// Returns the time at which to stop waiting. It leaves a third of the request's
    /// time, at most 10 s, for writes.
    pub(crate) fn less_writes(self) -> Instant {
        self.at - RESERVED_FOR_WRITES.min(self.limit / 3)
    }
}
