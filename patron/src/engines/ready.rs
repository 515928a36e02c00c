//! Waiting until an engine answers.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::EngineError;
use super::child::Child;

/// How long an engine may stand still. Loading may take as long as it likes while it moves.
const STANDSTILL: Duration = Duration::from_secs(120);
/// How often it is asked.
const PAUSE: Duration = Duration::from_millis(25);
/// How often a long wait is mentioned.
const MENTION: Duration = Duration::from_secs(5);

/// An engine's answer to whether it can be used.
pub(super) enum Readiness {
    /// It can.
    Ready,
    /// Not yet; what it is doing, in words that change while it makes progress.
    Busy(String),
}

/// Asks until the engine is ready, has ended, or has made no progress for too long. Growth of
/// its log is progress too.
pub(super) async fn wait(
    child: &Child,
    mut ask: impl AsyncFnMut() -> Readiness,
) -> Result<(), EngineError> {
    let mut seen = (String::new(), 0);
    let mut moved = Instant::now();
    let mut mention = Instant::now() + MENTION;
    loop {
        let answer = tokio::select! {
            biased;
            status = child.exited() => return Err(child.exit_error(status)),
            answer = ask() => answer,
        };
        let state = match answer {
            Readiness::Ready => return Ok(()),
            Readiness::Busy(state) => state,
        };
        let now = (state, child.log().len());
        if now != seen {
            seen = now;
            moved = Instant::now();
        }
        if moved.elapsed() > STANDSTILL {
            return Err(EngineError::NotReady {
                name: child.name(),
                seconds: STANDSTILL.as_secs(),
                state: seen.0,
                log: child.log().path().to_owned(),
            });
        }
        if Instant::now() > mention {
            tracing::info!("waiting for {}: {}", child.name(), seen.0);
            mention += MENTION;
        }
        sleep(PAUSE).await;
    }
}
