//! How many worker processes are alive, for those who are none.

use std::sync::LazyLock;

use redis::Script;

use crate::{Log, LogError};

/// Counts the members whose time has not come. Uses Redis's clock, as the
/// heartbeats do.
static ALIVE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local t = redis.call('TIME') \
         local now = t[1] * 1000 + math.floor(t[2] / 1000) \
         return redis.call('ZCOUNT', KEYS[1], '(' .. now, '+inf')",
    )
});

impl Log {
    /// How many worker processes have a heartbeat that has not expired.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer.
    pub async fn alive_workers(&self) -> Result<usize, LogError> {
        let alive = ALIVE
            .key(self.layout().workers())
            .invoke_async(&mut self.connection())
            .await?;
        Ok(alive)
    }
}
