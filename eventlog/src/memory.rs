//! Memory that Redis has left for the log.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::LogError;
use crate::connection::Connection;
use crate::server::{info_field, query_all};

/// Used share of the limit from which on memory is reserved for appends that must not
/// fail: receipts and the results of sent messages. Redis itself also needs some of it.
const SHORT: f64 = 0.95;

/// Memory of the fullest server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Used memory, in bytes.
    pub used: u64,
    /// Limit, in bytes; 0 for no limit.
    pub max: u64,
}

impl Memory {
    /// Returns the used share of the limit; 0 if there is no limit.
    pub fn fullness(self) -> f64 {
        if self.max == 0 {
            0.0
        } else {
            self.used as f64 / self.max as f64
        }
    }

    /// Returns whether the remaining memory is reserved for appends that must not fail.
    pub fn is_short(self) -> bool {
        self.fullness() >= SHORT
    }

    /// Returns the memory after `bytes` more are used.
    #[must_use]
    pub fn after(self, bytes: u64) -> Self {
        Self {
            used: self.used.saturating_add(bytes),
            ..self
        }
    }
}

/// Most recent sample of the memory.
#[derive(Default)]
pub(crate) struct RecentMemory {
    last: std::sync::Mutex<Option<(Instant, Memory)>>,
    /// Held by the task that queries the server.
    querying: tokio::sync::Mutex<()>,
}

impl RecentMemory {
    /// Returns a sample that is at most `age` old, and queries the server if there is
    /// none.
    pub(crate) async fn get(
        &self,
        connection: &Connection,
        age: Duration,
    ) -> Result<Memory, LogError> {
        if let Some(memory) = self.known(age) {
            return Ok(memory);
        }
        let _querying = self.querying.lock().await;
        // Another task may have queried while this one waited for the lock. One query
        // serves all tasks that wait.
        if let Some(memory) = self.known(age) {
            return Ok(memory);
        }
        // Before the query, so that a sample never looks newer than it is.
        let queried_at = Instant::now();
        let memory = query(connection).await?;
        *self.last() = Some((queried_at, memory));
        Ok(memory)
    }

    /// Discards the sample, because the server has just refused an append.
    pub(crate) fn discard(&self) {
        *self.last() = None;
    }

    fn known(&self, age: Duration) -> Option<Memory> {
        let last = *self.last();
        let is_recent = |(at, _): &(Instant, Memory)| at.elapsed() <= age;
        last.filter(is_recent).map(|(_, memory)| memory)
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<(Instant, Memory)>> {
        // A panic cannot leave the sample in a broken state: it is replaced as a whole.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Queries the memory of the server with the least left.
async fn query(connection: &Connection) -> Result<Memory, LogError> {
    let mut info = redis::cmd("INFO");
    info.arg("memory");
    // In a cluster an append fails as soon as one server is full, so the fullest one
    // counts.
    let mut fullest = Memory::default();
    for answer in query_all(connection, &info).await? {
        let text: String = redis::from_redis_value(answer).map_err(redis::RedisError::from)?;
        let memory = Memory {
            used: bytes(&text, "used_memory"),
            max: bytes(&text, "maxmemory"),
        };
        if memory.fullness() >= fullest.fullness() {
            fullest = memory;
        }
    }
    Ok(fullest)
}

fn bytes(info: &str, name: &str) -> u64 {
    let value = info_field(info, name).and_then(|value| value.parse().ok());
    value.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_short_from_95_percent_on() {
        let memory = |used| Memory { used, max: 1_000 };
        assert!(!memory(949).is_short());
        assert!(memory(950).is_short());
        assert!(memory(900).after(50).is_short());
    }

    #[test]
    fn memory_without_a_limit_is_never_short() {
        assert!(
            !Memory {
                used: u64::MAX,
                max: 0
            }
            .after(1)
            .is_short()
        );
    }
}
