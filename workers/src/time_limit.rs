//! Time limit for operations of the projector.

use std::io;
use std::time::Duration;

use projections::ProjectError;
use tokio::time::timeout;

/// Time limit for a single operation.
const PATIENCE: Duration = Duration::from_secs(90);

/// Fails work that exceeds the time limit. Its outcome is then unknown, so the caller
/// must read the checkpoint again before it continues.
pub(crate) async fn with_timeout<T>(
    work: impl Future<Output = Result<T, ProjectError>>,
) -> Result<T, ProjectError> {
    timeout(PATIENCE, work).await.unwrap_or_else(|_| {
        let what = format!("not finished within {} s", PATIENCE.as_secs());
        let error = io::Error::new(io::ErrorKind::TimedOut, what);
        Err(ProjectError::Mongo(error.into()))
    })
}
