//! Stop signals.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Returns a token that is cancelled at the first Ctrl-C or SIGTERM from now on. The second
/// signal ends the process at once; no acknowledged data is lost.
///
/// # Errors
/// Returns an error if the signal handlers cannot be installed.
pub(crate) fn stop_token() -> io::Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = CancellationToken::new();
    let signaled = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        signaled.cancel();
        // A second signal means that the user does not want to wait for a graceful stop. Exiting
        // is safe, since everything acknowledged is on disk.
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        std::process::exit(130);
    });
    Ok(stop)
}
