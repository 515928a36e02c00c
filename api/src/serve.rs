//! Accepts connections and shuts them down gracefully.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::serve::Listener;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{interval, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::http::address::Peer;
use crate::http::exchange::Exchanges;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::unreadable_heads::UnreadableHeads;
use crate::http::{limits, metrics};
use crate::identity::journal::Notes;
use crate::resources::imports::keep;
use crate::router;
use crate::state::{Api, AppState};

/// Maximum time for which a spare connection may be idle or send a head. There are few of them.
const SPARE_TIMEOUT: Duration = Duration::from_secs(2);

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
    let places = api.state.connections.clone();
    let spare_places = Arc::new(Semaphore::new(limits::SPARE_CONNECTIONS));
    let state = api.state.clone();
    let routes = Routes {
        refusals: router::refusals(&state),
        all: router::router(api.state),
    };
    let connections = GracefulShutdown::new();
    let accepting = async {
        // The semaphore is never closed, so this loop ends only with the shutdown.
        while let Ok(spare_place) = spare_places.clone().acquire_owned().await {
            let (stream, peer) = Listener::accept(&mut listener).await;
            let (place, settings) = match places.clone().try_acquire_owned() {
                Ok(place) => (
                    place,
                    ConnectionSettings::regular(state.slow_client_timeout),
                ),
                Err(_) => (spare_place, ConnectionSettings::spare()),
            };
            let (routes, watcher) = (routes.clone(), connections.watcher());
            let connection = serve_connection((stream, peer), routes, watcher, settings);
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

/// Handlers of requests.
#[derive(Clone)]
struct Routes {
    /// All operations.
    all: Router,
    /// Answers to requests that get no further.
    refusals: Router,
}

/// Kind of a connection.
#[derive(Debug, Clone, Copy)]
struct ConnectionSettings {
    /// Only health checks are answered: the maximum number of connections is exceeded.
    is_spare: bool,
    /// Maximum time to send a head or to receive any part of a response, and maximum idle time.
    timeout: Duration,
}

impl ConnectionSettings {
    fn regular(timeout: Duration) -> Self {
        Self {
            is_spare: false,
            timeout,
        }
    }

    fn spare() -> Self {
        Self {
            is_spare: true,
            timeout: SPARE_TIMEOUT,
        }
    }
}

/// Serves the requests of one connection. Errors are logged at debug level only,
/// since every client that disconnects causes one.
async fn serve_connection(
    (stream, peer): (TcpStream, SocketAddr),
    routes: Routes,
    watcher: Watcher,
    settings: ConnectionSettings,
) {
    // Without TCP_NODELAY, responses wait for acknowledgments. An error only makes
    // responses slower.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(settings.timeout));
    let peer = Peer(peer.ip());
    let exchanges = Exchanges::default();
    let refusals = routes.refusals.clone();
    let refuse_head = move |problem| refuse(refusals.clone(), Request::default(), peer, problem);
    let stream = UnreadableHeads::new(Box::pin(stream), exchanges.clone(), refuse_head);
    let service = service_fn(move |request: Request<Incoming>| {
        let exchange = exchanges.begin();
        let answer = answer(
            routes.clone(),
            request.map(Body::new),
            peer,
            settings.is_spare,
        );
        async move { Ok::<_, Infallible>(exchange.until_end_of(answer.await)) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.timeout)
        .max_headers(limits::MAX_HEADERS)
        .max_buf_size(limits::MAX_HEAD)
        .keep_alive(!settings.is_spare)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "connection ended early");
    }
}

/// Answers a request. On a spare connection, only health checks get further.
async fn answer(
    routes: Routes,
    mut request: Request<Body>,
    peer: Peer,
    is_spare: bool,
) -> Response {
    if is_spare && !router::is_health_check(&request) {
        let detail = "too many connections; retry later";
        let problem = Problem::new(ProblemKind::Busy, detail);
        return refuse(routes.refusals, request, peer, problem).await;
    }
    request.extensions_mut().insert(peer);
    let Ok(response) = routes.all.oneshot(request).await;
    response
}

/// Answers a request that gets no further with a problem.
async fn refuse(
    refusals: Router,
    mut request: Request<Body>,
    peer: Peer,
    problem: Problem,
) -> Response {
    request.extensions_mut().insert(peer);
    request.extensions_mut().insert(problem);
    let Ok(response) = refusals.oneshot(request).await;
    response
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
