//! Refusing new data before Redis does, while it is short of memory.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use eventlog::{Log, Memory};
use tokio::time::{MissedTickBehavior, interval};

use crate::problem::Problem;

const INTERVAL: Duration = Duration::from_secs(1);

/// Whether new data is refused now.
#[derive(Default)]
pub(crate) struct Shed(AtomicBool);

impl Shed {
    pub(crate) fn is_shedding(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// # Errors
    /// The problem to answer with while new data is refused.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        if self.is_shedding() {
            return Err(Problem::out_of_memory());
        }
        Ok(())
    }

    /// Follows the log's memory forever.
    pub(crate) async fn watch(&self, log: &Log) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // A Redis that is away is another problem, met where it is asked.
            if let Ok(memory) = log.memory().await {
                self.note(memory);
            }
        }
    }

    fn note(&self, memory: Memory) {
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
                "Redis has memory again: new data is taken"
            ),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_refused_from_95_percent_on_until_there_is_more() {
        let shed = Shed::default();
        let at = |used| {
            shed.note(Memory { used, max: 1_000 });
            shed.is_shedding()
        };
        assert!(!at(949));
        assert!(at(950));
        assert!(at(1_200));
        assert!(!at(900));
    }

    #[test]
    fn a_redis_without_a_bound_is_never_full() {
        let shed = Shed::default();
        let used = u64::MAX;
        shed.note(Memory { used, max: 0 });
        assert!(!shed.is_shedding());
    }
}
