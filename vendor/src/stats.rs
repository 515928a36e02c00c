//! Counters since the start, of events that the ledger does not record.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Counters since this process started. A restart resets them.
#[derive(Default, Serialize)]
pub(crate) struct Stats {
    /// Requests to `POST /vendor/send` and `POST /send`.
    pub(crate) requests: AtomicCounter,
    /// Requests that were answered 503 because of an outage.
    pub(crate) refused_by_outage: AtomicCounter,
    /// Requests that were answered 500 and not accepted.
    pub(crate) refused_by_error: AtomicCounter,
    /// Requests that were accepted and answered 500.
    pub(crate) answers_lost: AtomicCounter,
    /// Messages of arrays that were refused because of their address.
    pub(crate) refused: AtomicCounter,
    /// Messages of arrays that were deferred.
    pub(crate) deferred: AtomicCounter,
    /// Messages of arrays that were answered `in_doubt`, accepted or not.
    pub(crate) in_doubt: AtomicCounter,
    /// Attempts to post receipts.
    pub(crate) posts: AtomicCounter,
    /// Posts that were not answered with a 2xx.
    pub(crate) posts_refused: AtomicCounter,
    /// Receipts acknowledged with a 2xx, duplicates included.
    pub(crate) receipts_taken: AtomicCounter,
}

/// Number that only grows.
#[derive(Default, Serialize)]
#[serde(transparent)]
pub(crate) struct AtomicCounter(AtomicU64);

impl AtomicCounter {
    /// Adds 1. Returns the previous value.
    pub(crate) fn increment(&self) -> u64 {
        self.add(1)
    }

    /// Adds `n`. Returns the previous value.
    pub(crate) fn add(&self, n: usize) -> u64 {
        self.0.fetch_add(n as u64, Ordering::Relaxed)
    }
}
