//! Accepts connections and shuts them down gracefully.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{interval, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;

use crate::http::address::Peer;
use crate::http::{limits, metrics};
use crate::identity::journal::Notes;
use crate::resources::imports::keep;
use crate::router;
use crate::state::{Api, AppState};

/// Maximum number of request headers. More are answered with 431.
const MAX_HEADERS: usize = 64;

/// Grace period for requests in flight after a shutdown.
const GRACE: Duration = Duration::from_secs(10);

/// Grace period for recording the queued notes of the journal, after the jobs.
const JOURNAL_GRACE: Duration = Duration::from_secs(2);

/// Grace period for recording the end of interrupted jobs, after the requests.
const JOBS_GRACE: Duration = Duration::from_secs(2);

/// Interval of maintenance: histograms are compacted and idle rate limiters are
/// evicted.
const UPKEEP: Duration = Duration::from_secs(5);

/// Error that ends the server.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listener is not usable.
    #[error("listener: {0}")]
    Listener(#[from] io::Error),
}

/// Serves the API on `listener` until `shutdown` is canceled. Requests in flight then
/// have 10 s to complete; new ones are not accepted.
///
/// # Errors
/// [`ServeError`] if the listener is not usable.
pub async fn serve(
    mut listener: TcpListener,
    api: Api,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    tracing::info!(address = %TcpListener::local_addr(&listener)?, "API listening");
    let _background = background(&api.state);
    let (journal_stop, journal) = journal(&api.state, api.notes);
    let closing = api.state.closing.clone();
    let slow_client_timeout = api.state.slow_client_timeout;
    let places = api.state.connections.clone();
    let state = api.state.clone();
    let router = router::router(api.state);
    let connections = GracefulShutdown::new();
    let accepting = async {
        // The semaphore is never closed, so this loop ends only with the shutdown.
        while let Ok(place) = places.clone().acquire_owned().await {
            let (stream, peer) = Listener::accept(&mut listener).await;
            let (router, watcher) = (router.clone(), connections.watcher());
            let connection = serve_connection(stream, peer, router, watcher, slow_client_timeout);
            tokio::spawn(async move {
                connection.await;
                drop(place);
            });
        }
    };
    shutdown.run_until_cancelled(accepting).await;
    drop(listener);
    closing.cancel();
    if timeout(GRACE, connections.shutdown()).await.is_err() {
        tracing::warn!("shutdown: requests still in flight were aborted");
    }
    if timeout(JOBS_GRACE, state.jobs.stopped()).await.is_err() {
        tracing::warn!("shutdown: interrupted jobs count as running until their leases expire");
    }
    state.imports.tasks.close();
    if timeout(JOBS_GRACE, state.imports.tasks.wait())
        .await
        .is_err()
    {
        tracing::warn!("shutdown: an import was interrupted and continues after the next start");
    }
    if timeout(JOBS_GRACE, state.demo_loads.stopped())
        .await
        .is_err()
    {
        tracing::warn!("shutdown: the lease on the demo shop was not released and will expire");
    }
    // The journal stops last, since requests in flight may still queue notes.
    journal_stop.cancel();
    if timeout(JOURNAL_GRACE, journal).await.is_err() {
        tracing::warn!("shutdown: some refusals were not recorded");
    }
    Ok(())
}

/// Serves the requests of one connection. Errors are logged at debug level only,
/// since every client that disconnects causes one.
async fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    watcher: Watcher,
    slow_client_timeout: Duration,
) {
    // Without TCP_NODELAY, responses wait for acknowledgments. An error only makes
    // responses slower.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(slow_client_timeout));
    let stream = TokioIo::new(Box::pin(stream));
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer.ip()));
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(slow_client_timeout)
        .max_headers(MAX_HEADERS)
        .max_buf_size(limits::MAX_HEAD)
        .serve_connection(stream, service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "connection ended early");
    }
}

/// Starts the task that records the journal's notes. Once the token is canceled, the task
/// records what is queued and ends.
fn journal(state: &AppState, notes: Notes) -> (CancellationToken, JoinHandle<()>) {
    let stop = CancellationToken::new();
    let (state, stopped) = (state.clone(), stop.clone());
    let record = async move {
        let journal = &state.identity.journal;
        journal.record(notes, &state.commands, stopped).await;
    };
    (stop, tokio::spawn(record))
}

/// Starts the background tasks. They end when the returned set is dropped.
fn background(state: &AppState) -> JoinSet<()> {
    metrics::describe();
    let mut tasks = JoinSet::new();
    let watched = state.clone();
    tasks.spawn(async move { watched.shed.watch(watched.commands.log()).await });
    let (kept, limited) = (state.metrics.clone(), state.clone());
    tasks.spawn(async move {
        let mut ticks = interval(UPKEEP);
        loop {
            ticks.tick().await;
            kept.run_upkeep();
            limited.identity.rates.evict_idle();
            limited.senders.evict_idle();
            limited.assistant.evict_idle();
        }
    });
    tasks.spawn(keep::keep(state.clone()));
    tasks
}
