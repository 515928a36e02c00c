//! How much memory Redis has left for the log.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::LogError;
use crate::connection::Connection;
use crate::server;

/// How full Redis may be before only what must not fail is written: receipts,
/// the results of what was sent, and what the engine itself needs.
const SHORT: f64 = 0.95;

/// How much memory the fullest server has used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Bytes.
    pub used: u64,
    /// The most it may use, in bytes; 0 for no bound.
    pub max: u64,
}

impl Memory {
    /// Used over allowed; 0 where there is no bound.
    pub fn fullness(self) -> f64 {
        if self.max == 0 {
            0.0
        } else {
            self.used as f64 / self.max as f64
        }
    }

    /// Whether all that is left is reserved for what must not fail.
    pub fn is_short(self) -> bool {
        self.fullness() >= SHORT
    }

    /// The same after so many bytes more.
    #[must_use]
    pub fn after(self, bytes: u64) -> Self {
        Self {
            used: self.used.saturating_add(bytes),
            ..self
        }
    }
}

/// The memory as it was a moment ago.
#[derive(Default)]
pub(crate) struct RecentMemory {
    last: std::sync::Mutex<Option<(Instant, Memory)>>,
    /// Held by the one that asks.
    asking: tokio::sync::Mutex<()>,
}

impl RecentMemory {
    /// As it was at most so long ago; asks the server unless that is known.
    pub(crate) async fn get(
        &self,
        connection: &Connection,
        age: Duration,
    ) -> Result<Memory, LogError> {
        if let Some(memory) = self.known(age) {
            return Ok(memory);
        }
        let _asking = self.asking.lock().await;
        // Others have waited for the same answer.
        if let Some(memory) = self.known(age) {
            return Ok(memory);
        }
        let asked_at = Instant::now();
        let memory = server::memory(connection).await?;
        *self.last() = Some((asked_at, memory));
        Ok(memory)
    }

    /// Has the server asked again: it has just refused an append.
    pub(crate) fn forget(&self) {
        *self.last() = None;
    }

    fn known(&self, age: Duration) -> Option<Memory> {
        let last = *self.last();
        let is_recent = |(at, _): &(Instant, Memory)| at.elapsed() <= age;
        last.filter(is_recent).map(|(_, memory)| memory)
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<(Instant, Memory)>> {
        // A sample is replaced as a whole.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_95_percent_on_memory_is_short() {
        let memory = |used| Memory { used, max: 1_000 };
        assert!(!memory(949).is_short());
        assert!(memory(950).is_short());
        assert!(memory(900).after(50).is_short());
    }

    #[test]
    fn without_a_bound_it_never_is() {
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
