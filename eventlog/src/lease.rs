//! Leases: mutual exclusion between processes, with expiry.
//!
//! A lease avoids duplicate work but does not fence it. A process that was stopped for
//! a minute may continue to work after its lease has expired. That is harmless, since
//! writes are guarded by positions.

use std::sync::LazyLock;
use std::time::Duration;

use redis::Script;

use crate::{Log, LogError};

/// Takes a lease that is free, or renews the worker's own.
// The DEL makes the script work on a full Redis, which checks memory only at a
// script's first write, and DEL needs none.
static HOLD: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local holder = redis.call('GET', KEYS[1]) \
         if holder and holder ~= ARGV[1] then return 0 end \
         redis.call('DEL', KEYS[1]) \
         redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) \
         return 1",
    )
});

/// Releases a lease, if the worker holds it.
// Compared first: the lease may have expired and belong to another process.
static RELEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end \
         return 0",
    )
});

/// Leases of one worker process.
#[derive(Clone)]
pub struct Leases {
    log: Log,
    worker: String,
    ttl: Duration,
}

impl Leases {
    /// Creates the leases of the worker with this name. A lease that is not renewed
    /// within `ttl` expires.
    pub fn new(log: Log, worker: String, ttl: Duration) -> Self {
        Self { log, worker, ttl }
    }

    /// Takes or renews a lease. Returns whether this worker holds it now.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be reached.
    pub async fn hold(&self, name: &str) -> Result<bool, LogError> {
        let held = HOLD
            .key(self.log.layout().lease(name))
            .arg(&self.worker)
            .arg(self.ttl.as_millis() as u64)
            .invoke_async(&mut self.log.connection())
            .await?;
        Ok(held)
    }

    /// Releases a lease, if this worker holds it.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be reached.
    pub async fn release(&self, name: &str) -> Result<(), LogError> {
        let _: i64 = RELEASE
            .key(self.log.layout().lease(name))
            .arg(&self.worker)
            .invoke_async(&mut self.log.connection())
            .await?;
        Ok(())
    }
}

impl Log {
    /// Returns whether any worker holds a lease.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be reached.
    pub async fn is_leased(&self, name: &str) -> Result<bool, LogError> {
        let held = redis::cmd("EXISTS")
            .arg(self.layout().lease(name))
            .query_async(&mut self.connection())
            .await?;
        Ok(held)
    }
}
