//! Waiting until an engine is ready.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::EngineError;
use super::child::Child;

/// Maximum time without progress. There is no limit on the total time, since loading a large log
/// may take long.
const STALL_LIMIT: Duration = Duration::from_secs(120);
/// Interval between probes.
const PROBE_INTERVAL: Duration = Duration::from_millis(25);
/// Interval between log lines about a long wait.
const LOG_INTERVAL: Duration = Duration::from_secs(5);

/// Result of probing an engine.
pub(super) enum Readiness {
    /// The engine can be used.
    Ready,
    /// The engine cannot be used yet. The text describes its state, and changes while the engine
    /// makes progress.
    Busy(String),
}

/// Probes the engine until it is ready. A new state and a growing log both count as progress.
///
/// # Errors
/// Returns an error if the engine ends, or makes no progress for `STALL_LIMIT`.
pub(super) async fn wait(
    child: &Child,
    mut probe: impl AsyncFnMut() -> Readiness,
) -> Result<(), EngineError> {
    let mut seen = (String::new(), 0);
    let mut progressed_at = Instant::now();
    let mut next_log = Instant::now() + LOG_INTERVAL;
    loop {
        let readiness = tokio::select! {
            // The exit is checked first, so that it is not mistaken for one more failed probe.
            biased;
            status = child.exited() => return Err(child.exit_error(status)),
            readiness = probe() => readiness,
        };
        let state = match readiness {
            Readiness::Ready => return Ok(()),
            Readiness::Busy(state) => state,
        };
        let now = (state, child.log().len());
        if now != seen {
            seen = now;
            progressed_at = Instant::now();
        }
        if progressed_at.elapsed() > STALL_LIMIT {
            return Err(EngineError::NotReady {
                name: child.name(),
                seconds: STALL_LIMIT.as_secs(),
                state: seen.0,
                log: child.log().path().to_owned(),
            });
        }
        if Instant::now() > next_log {
            tracing::info!("waiting for {}: {}", child.name(), seen.0);
            next_log += LOG_INTERVAL;
        }
        sleep(PROBE_INTERVAL).await;
    }
}
