//! Load shedding: refuses new data while Redis is short of memory.
//!
//! At `maxmemory`, Redis rejects every append, including those that finish work
//! in progress. Patron refuses new data before that point.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use eventlog::{Log, Memory};
use tokio::time::{MissedTickBehavior, interval};

use crate::http::problem::Problem;

/// Time between two readings of Redis's memory.
const INTERVAL: Duration = Duration::from_secs(1);

/// Current state of load shedding: true while new data is refused.
#[derive(Default)]
pub(crate) struct Shed(AtomicBool);

impl Shed {
    pub(crate) fn is_shedding(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Rejects new data while Redis is short of memory.
    ///
    /// # Errors
    /// 503 `out-of-memory`.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        if self.is_shedding() {
            return Err(Problem::out_of_memory());
        }
        Ok(())
    }

    /// Polls Redis's memory once a second. Never returns.
    pub(crate) async fn watch(&self, log: &Log) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // An unreachable Redis keeps the last state: the append itself reports it.
            if let Ok(memory) = log.memory().await {
                self.update(memory);
            }
        }
    }

    fn update(&self, memory: Memory) {
        let full = memory.is_short();
        let before = self.0.swap(full, Ordering::Relaxed);
        match (before, full) {
            (false, true) => tracing::warn!(
                memory.used,
                memory.max,
                "Redis is short of memory: new data is refused"
            ),
            (true, false) => tracing::info!(
                memory.used,
                memory.max,
                "Redis has memory again: new data is accepted"
            ),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_refused_at_95_percent_and_accepted_below() {
        let shed = Shed::default();
        let at = |used| {
            shed.update(Memory { used, max: 1_000 });
            shed.is_shedding()
        };
        assert!(!at(949));
        assert!(at(950));
        assert!(at(1_200));
        assert!(!at(900));
    }

    #[test]
    fn redis_without_maxmemory_is_never_short() {
        let shed = Shed::default();
        let used = u64::MAX;
        shed.update(Memory { used, max: 0 });
        assert!(!shed.is_shedding());
    }
}
