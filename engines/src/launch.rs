//! Launch of an engine: spawns it on a port, and waits until it is ready.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::child::Child;
use super::{EngineError, ports};

/// Maximum number of ports to try when other processes take the chosen ones first.
const PORT_TRIES: usize = 5;
/// Maximum time without progress. There is no limit on the total time, since loading a large log
/// may take long.
const STALL_LIMIT: Duration = Duration::from_secs(120);
/// Interval between probes.
const PROBE_INTERVAL: Duration = Duration::from_millis(25);
/// Interval between log lines about a long wait.
const LOG_INTERVAL: Duration = Duration::from_secs(5);

/// Result of probing an engine.
pub(super) enum EngineState {
    /// The engine can be used.
    Ready,
    /// The engine cannot be used yet. The text describes its state, and changes while the engine
    /// makes progress.
    Busy(String),
}

/// Launches an engine on the wanted port if it is free. Returns its port and process once it is
/// ready. If it ends for a reason other than its port, `repair` is called, which returns true if
/// another attempt may succeed.
///
/// # Errors
/// Returns an error if the engine ends and is not repaired, or makes no progress.
pub(super) async fn launch(
    wanted_port: Option<u16>,
    spawn: impl AsyncFn(u16) -> Result<Child, EngineError>,
    probe: impl AsyncFn(u16, u32) -> EngineState,
    mut repair: impl AsyncFnMut() -> Result<bool, EngineError>,
) -> Result<(u16, Child), EngineError> {
    let mut port = ports::choose(wanted_port)?;
    let mut port_tries = 1;
    loop {
        let child = spawn(port).await?;
        let ready = wait(&child, async || probe(port, child.pid()).await).await;
        let Err(error) = ready else {
            return Ok((port, child));
        };
        let port_was_taken = ports::was_taken(child.log());
        // Also after an exit, since it removes the file with the pid.
        child.stop().await;
        if !matches!(error, EngineError::Exited { .. }) {
            return Err(error);
        }
        if port_was_taken && port_tries < PORT_TRIES {
            port = ports::choose(None)?;
            port_tries += 1;
        } else if !repair().await? {
            return Err(error);
        }
    }
}

/// Probes the engine until it is ready. A new state and a growing log both count as progress.
///
/// # Errors
/// Returns an error if the engine ends, or makes no progress for `STALL_LIMIT`.
async fn wait(
    child: &Child,
    mut probe: impl AsyncFnMut() -> EngineState,
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
            EngineState::Ready => return Ok(()),
            EngineState::Busy(state) => state,
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
