//! Waiting for a condition, with a deadline.

use std::time::{Duration, Instant};

/// Default deadline, far more than any condition needs on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Polls until there is an answer; panics with `what` after the deadline.
pub(crate) async fn eventually<T>(what: &str, poll: impl AsyncFnMut() -> Option<T>) -> T {
    eventually_within(PATIENCE, what, poll).await
}

/// Like [`eventually`], with a longer deadline for expensive conditions.
pub(crate) async fn eventually_within<T>(
    patience: Duration,
    what: &str,
    mut poll: impl AsyncFnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(answer) = poll().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until the condition holds.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    eventually(what, async || condition().await.then_some(())).await;
}
