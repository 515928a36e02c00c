//! Accepting connections, and ending them in order.

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

use crate::address::Peer;
use crate::journal::Notes;
use crate::state::{Api, AppState};
use crate::{limits, metrics, router};

/// How many headers a request may have; more is answered 431.
const MAX_HEADERS: usize = 64;

/// How long requests under way may take to end after a shutdown.
const GRACE: Duration = Duration::from_secs(10);

/// How long what is noted already may take to be recorded after that.
const JOURNAL_GRACE: Duration = Duration::from_secs(2);

/// How long the ends of interrupted jobs may take to be recorded after that.
const JOBS_GRACE: Duration = Duration::from_secs(2);

/// How often what histograms were given is folded together, and who has not
/// asked lately is forgotten.
const UPKEEP: Duration = Duration::from_secs(5);

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
    let (journal_stop, journal) = journal(&api.state, api.notes);
    let closing = api.state.closing.clone();
    let (places, patience) = (api.state.connections.clone(), api.state.patience);
    let state = api.state.clone();
    let router = router::router(api.state);
    let connections = GracefulShutdown::new();
    let accepting = async {
        // It is never closed.
        while let Ok(place) = places.clone().acquire_owned().await {
            let (stream, peer) = Listener::accept(&mut listener).await;
            let (router, watcher) = (router.clone(), connections.watcher());
            let talk = converse(stream, peer, router, watcher, patience);
            tokio::spawn(async move {
                talk.await;
                drop(place);
            });
        }
    };
    shutdown.run_until_cancelled(accepting).await;
    drop(listener);
    closing.cancel();
    if timeout(GRACE, connections.shutdown()).await.is_err() {
        tracing::warn!("some requests were still under way and are cut off");
    }
    if timeout(JOBS_GRACE, state.jobs.stopped()).await.is_err() {
        tracing::warn!(
            "some jobs were interrupted, which is not recorded until their leases expire"
        );
    }
    journal_stop.cancel();
    if timeout(JOURNAL_GRACE, journal).await.is_err() {
        tracing::warn!("some refusals were not recorded");
    }
    Ok(())
}

/// One connection's requests. It ends with an error whenever a client goes
/// away, which is nobody's concern.
async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    watcher: Watcher,
    patience: Duration,
) {
    // Without it answers wait for acknowledgements; with an error they only
    // come later.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(patience));
    let stream = TokioIo::new(Box::pin(stream));
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer.ip()));
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_headers(MAX_HEADERS)
        .max_buf_size(limits::MAX_HEAD)
        .serve_connection(stream, service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Records what requests note, until it is told to stop and has recorded all.
fn journal(state: &AppState, notes: Notes) -> (CancellationToken, JoinHandle<()>) {
    let stop = CancellationToken::new();
    let (state, stopped) = (state.clone(), stop.clone());
    let record = async move { state.journal.record(notes, &state.commands, stopped).await };
    (stop, tokio::spawn(record))
}

/// What goes on beside the requests, until it is dropped.
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
            limited.rates.forget();
            limited.senders.evict_idle();
            limited.assistant.forget();
        }
    });
    tasks
}
