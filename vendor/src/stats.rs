//! Counters since the start, of what the ledger does not keep.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Things that happened since this process started. Not kept over a restart.
#[derive(Default, Serialize)]
pub(crate) struct Stats {
    /// Calls of `POST /vendor/send`.
    pub(crate) requests: Counter,
    /// … answered 503 because of an outage.
    pub(crate) refused_by_outage: Counter,
    /// … answered 500 and not accepted.
    pub(crate) refused_by_error: Counter,
    /// … accepted and answered 500.
    pub(crate) answers_lost: Counter,
    /// Messages of arrays that were deferred.
    pub(crate) deferred: Counter,
    /// Messages of arrays that were answered `in_doubt`, accepted or not.
    pub(crate) in_doubt: Counter,
    /// Posts of receipts, each attempt counted.
    pub(crate) posts: Counter,
    /// Posts that were not answered with a 2xx.
    pub(crate) posts_refused: Counter,
    /// Receipts acknowledged with a 2xx, duplicates included.
    pub(crate) receipts_taken: Counter,
}

/// A number that only grows.
#[derive(Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Counts one more; returns the count before.
    pub(crate) fn one(&self) -> u64 {
        self.many(1)
    }

    /// Counts `n` more; returns the count before.
    pub(crate) fn many(&self, n: usize) -> u64 {
        self.0.fetch_add(n as u64, Ordering::Relaxed)
    }
}
