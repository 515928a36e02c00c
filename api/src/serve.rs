//! Accepting connections, and ending them in order.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::state::{Api, AppState};
use crate::{metrics, router};

/// How long a client may take to send a request's head, and how long a
/// connection may stand idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// How long requests under way may take to end after a shutdown.
const GRACE: Duration = Duration::from_secs(10);

/// How often what histograms were given is folded together.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// Why the API could not be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listener is not usable.
    #[error("listener: {0}")]
    Listener(#[from] io::Error),
}

/// Serves the API on `listener` until `shutdown`. Requests under way are then
/// answered, within 10 s; new ones are not taken.
///
/// # Errors
/// [`ServeError`] for a listener that is not usable.
pub async fn serve(
    mut listener: TcpListener,
    api: Api,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    tracing::info!(address = %TcpListener::local_addr(&listener)?, "the API listens");
    let _background = background(&api.state);
    let closing = api.state.closing.clone();
    let router = router::router(api.state);
    let connections = GracefulShutdown::new();
    let accepting = async {
        loop {
            let (stream, _) = Listener::accept(&mut listener).await;
            tokio::spawn(converse(stream, router.clone(), connections.watcher()));
        }
    };
    shutdown.run_until_cancelled(accepting).await;
    drop(listener);
    closing.cancel();
    if timeout(GRACE, connections.shutdown()).await.is_err() {
        tracing::warn!("some requests were still under way and are cut off");
    }
    Ok(())
}

/// One connection's requests. It ends with an error whenever a client goes
/// away, which is nobody's concern.
async fn converse(stream: TcpStream, router: Router, watcher: Watcher) {
    // Without it answers wait for acknowledgements; with an error they only
    // come later.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// What goes on beside the requests, until it is dropped.
fn background(state: &AppState) -> JoinSet<()> {
    metrics::describe();
    let mut tasks = JoinSet::new();
    let watched = state.clone();
    tasks.spawn(async move { watched.shed.watch(watched.commands.log()).await });
    let kept = state.metrics.clone();
    tasks.spawn(async move {
        let mut ticks = interval(METRICS_UPKEEP);
        loop {
            ticks.tick().await;
            kept.run_upkeep();
        }
    });
    tasks
}
