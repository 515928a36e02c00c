//! Doing something that only one process should do at a time.

use std::time::Duration;

use eventlog::{Leases, Log, LogError};

use crate::LEASE;

/// Why it was not begun, or not ended.
#[derive(Debug, thiserror::Error)]
pub enum BusyError {
    /// Another process is at it.
    #[error("another process is at {0}; its lease lapses within seconds if it has died")]
    Busy(String),
    /// The log does not answer.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// As `worker`, does `work` while holding the lease `name`, renewing it meanwhile.
///
/// # Errors
/// [`BusyError::Busy`] if another process holds it, or takes it after it has
/// lapsed; `work` is not begun, or is broken off.
pub async fn exclusively<T>(
    log: &Log,
    worker: &str,
    name: &str,
    work: impl Future<Output = T>,
) -> Result<T, BusyError> {
    let leases = Leases::new(log.clone(), worker.to_owned(), LEASE);
    if !leases.hold(name).await? {
        return Err(BusyError::Busy(name.to_owned()));
    }
    let result = tokio::select! {
        result = work => result,
        () = lost(&leases, name) => return Err(BusyError::Busy(name.to_owned())),
    };
    if let Err(error) = leases.release(name).await {
        tracing::warn!(name, %error, "a lease could not be given back; it will lapse");
    }
    Ok(result)
}

/// Renews the lease until another process has taken it.
async fn lost(leases: &Leases, name: &str) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        match leases.hold(name).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::warn!(name, %error, "a lease cannot be renewed"),
        }
    }
}
