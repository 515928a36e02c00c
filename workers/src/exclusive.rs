//! Work that only one process should do at a time, under a lease in Redis.

use std::time::Duration;

use eventlog::{Leases, Log, LogError};

/// Lifetime of a lease. Another process may take a lease that was not renewed for
/// this long.
const LEASE: Duration = Duration::from_secs(5);

/// Reason why exclusive work was not started, or was interrupted.
#[derive(Debug, thiserror::Error)]
pub enum BusyError {
    /// Another process holds the lease of this name.
    #[error("another process holds the lease {0}; it expires within seconds if that process died")]
    Busy(String),
    /// Redis could not be reached or rejected the command.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Runs `work` while `worker` holds the lease `name`, and renews the lease meanwhile.
///
/// # Errors
/// [`BusyError::Busy`] if another process holds the lease (`work` is not started),
/// or took it after it expired (`work` is dropped at its next await point).
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
        // The lease is not a fence: between its expiry and the next renewal two
        // processes may be at work. Work under a lease must be safe to do twice.
        () = until_lost(&leases, name) => return Err(BusyError::Busy(name.to_owned())),
    };
    if let Err(error) = leases.release(name).await {
        tracing::warn!(name, %error, "a lease could not be released; it expires by itself");
    }
    Ok(result)
}

/// Renews the lease until another process has taken it.
async fn until_lost(leases: &Leases, name: &str) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        match leases.hold(name).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::warn!(name, %error, "a lease cannot be renewed"),
        }
    }
}
