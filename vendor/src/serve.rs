//! Starts, serves and stops a vendor.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::callback;
use crate::config::{SigningSecret, VendorConfig};
use crate::controls::Controls;
use crate::ledger::Ledger;
use crate::stats::Stats;
use crate::{inspect, journal, receipts, send};

/// Why a vendor could not start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum VendorError {
    /// The ledger cannot be read or written.
    #[error("ledger {path}: {source}", path = path.display())]
    Ledger {
        /// The ledger's file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The ledger has a complete line that is not one of its own.
    #[error("ledger {path}, line {line}: {detail}", path = path.display())]
    LedgerBroken {
        /// The ledger's file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// What is wrong with the line.
        detail: String,
    },
    /// Another vendor has the ledger open.
    #[error("ledger {path} is in use by another vendor", path = .0.display())]
    LedgerInUse(PathBuf),
    /// The client that posts receipts cannot be set up.
    #[error("HTTP client: {0}")]
    Client(#[from] reqwest::Error),
    /// The listener failed.
    #[error("listener: {0}")]
    Listener(io::Error),
}

impl VendorError {
    pub(crate) fn ledger(path: &Path, source: io::Error) -> Self {
        Self::Ledger {
            path: path.to_owned(),
            source,
        }
    }
}

/// Everything that handlers and receipt posts share.
pub(crate) struct Vendor {
    pub(crate) controls: Controls,
    pub(crate) ledger: Ledger,
    pub(crate) stats: Stats,
    pub(crate) callback_hosts: Vec<String>,
    pub(crate) callback_concurrency: u16,
    pub(crate) secret: SigningSecret,
    pub(crate) client: reqwest::Client,
}

/// How long open requests may take to end after `shutdown`.
const GRACE: Duration = Duration::from_secs(5);

/// Runs a vendor on `listener` until `shutdown`. Afterwards everything that it
/// acknowledged is on disk, and its ledger can be opened again.
///
/// Stops with an error if the ledger cannot be written, since it would lose track
/// of what it sent.
pub async fn serve(
    listener: TcpListener,
    config: VendorConfig,
    shutdown: CancellationToken,
) -> Result<(), VendorError> {
    let (schedule, dues) = mpsc::unbounded_channel();
    let (vendor, mut writing) = start(config, &schedule).await?;
    for due in vendor.ledger.pending() {
        // Cannot fail: the receiver is below.
        let _ = schedule.send(due);
    }
    let stop = shutdown.child_token();
    let posting = receipts::run(vendor.clone(), dues, schedule);
    let posting = tokio::spawn(stop.clone().run_until_cancelled_owned(posting));
    let written = tokio::select! {
        served = listen(listener, vendor.clone(), stop.clone()) => served.map(|()| None),
        written = &mut writing => Ok(Some(written)),
    };
    stop.cancel();
    // Ends at once, by the line above.
    let _ = posting.await;
    vendor.ledger.close();
    let written = match written? {
        Some(written) => written,
        None => writing.await,
    };
    written.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

type Writing = JoinHandle<Result<(), VendorError>>;

/// Reads the ledger and starts its writer.
async fn start(
    config: VendorConfig,
    schedule: &mpsc::UnboundedSender<receipts::Due>,
) -> Result<(Arc<Vendor>, Writing), VendorError> {
    let client = callback::client()?;
    let (journal, entries) = mpsc::unbounded_channel();
    let dir = config.data_dir.clone();
    let opening = tokio::task::spawn_blocking(move || Ledger::open(&dir, journal));
    let (ledger, file) = opening
        .await
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
    let schedule = schedule.clone();
    let writing = tokio::task::spawn_blocking(move || {
        journal::write(file, entries, &schedule)
            .map_err(|source| VendorError::ledger(&config.data_dir, source))
    });
    let vendor = Vendor {
        controls: Controls::new(config.settings),
        ledger,
        stats: Stats::default(),
        callback_hosts: config.callback_hosts,
        callback_concurrency: config.callback_concurrency,
        secret: config.secret,
        client,
    };
    Ok((Arc::new(vendor), writing))
}

/// Serves until `stop`, and then what is under way, within `GRACE`.
async fn listen(
    listener: TcpListener,
    vendor: Arc<Vendor>,
    stop: CancellationToken,
) -> Result<(), VendorError> {
    let listener = listener.tap_io(|stream| {
        // Without it, responses wait for delayed ACKs. An error only costs time.
        let _ = stream.set_nodelay(true);
    });
    let serving = axum::serve(listener, router(vendor))
        .with_graceful_shutdown(stop.clone().cancelled_owned())
        .into_future();
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        served = serving => served.map_err(VendorError::Listener),
        () = late => Ok(()),
    }
}

/// The routes for messages, including the path that channel adapters use.
fn sending() -> Router<Arc<Vendor>> {
    Router::new()
        .route("/send", post(send::send))
        .route("/vendor/send", post(send::send))
        .layer(DefaultBodyLimit::max(send::LONGEST_BODY))
}

fn router(vendor: Arc<Vendor>) -> Router {
    Router::new()
        .merge(sending())
        .route("/vendor/messages", get(inspect::messages))
        .route("/vendor/stats", get(inspect::stats))
        .route(
            "/vendor/settings",
            get(inspect::settings).put(inspect::put_settings),
        )
        .route("/healthz", get(inspect::healthz))
        .fallback(inspect::not_found)
        .method_not_allowed_fallback(inspect::method_not_allowed)
        .with_state(vendor)
}
