//! Leases: which process does something that only one should do at a time.
//!
//! They spare double work and nothing more. A process that was stopped for a
//! minute may still believe in its lease; what it then does is harmless
//! because writes are guarded by positions.

use std::sync::LazyLock;
use std::time::Duration;

use redis::Script;

use crate::{Log, LogError};

/// Takes a lease that is free, or holds on to one's own. A full Redis takes a
/// script whose first write is `DEL`.
static HOLD: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local holder = redis.call('GET', KEYS[1]) \
         if holder and holder ~= ARGV[1] then return 0 end \
         redis.call('DEL', KEYS[1]) \
         redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) \
         return 1",
    )
});

/// Gives one's own lease back.
static RELEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end \
         return 0",
    )
});

/// One worker process's view of the leases.
#[derive(Clone)]
pub struct Leases {
    log: Log,
    worker: String,
    ttl: Duration,
}

impl Leases {
    /// For the worker of this name; leases not renewed within `ttl` lapse.
    pub fn new(log: Log, worker: String, ttl: Duration) -> Self {
        Self { log, worker, ttl }
    }

    /// Takes a lease, or renews it; whether it is held now.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer.
    pub async fn hold(&self, name: &str) -> Result<bool, LogError> {
        let held = HOLD
            .key(self.log.layout().lease(name))
            .arg(&self.worker)
            .arg(self.ttl.as_millis() as u64)
            .invoke_async(&mut self.log.connection())
            .await?;
        Ok(held)
    }

    /// Gives a lease back, if it is this worker's.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer.
    pub async fn release(&self, name: &str) -> Result<(), LogError> {
        let _: i64 = RELEASE
            .key(self.log.layout().lease(name))
            .arg(&self.worker)
            .invoke_async(&mut self.log.connection())
            .await?;
        Ok(())
    }
}
