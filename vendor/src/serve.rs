//! Start, serving and stop of a vendor.

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

use crate::config::VendorConfig;
use crate::controls::Controls;
use crate::due_receipt::DueReceipt;
use crate::error::VendorError;
use crate::ledger::Ledger;
use crate::state::Vendor;
use crate::stats::Stats;
use crate::{callback, inspect, journal, receipts, send};

/// Time that open requests have to end after `shutdown`.
const GRACE: Duration = Duration::from_secs(5);

/// Runs a vendor on `listener` until `shutdown` is cancelled. Everything that it acknowledged is
/// then on disk, and its ledger can be opened again.
///
/// # Errors
/// Returns an error if the vendor cannot start, or if the ledger cannot be written: the vendor
/// would no longer know which messages it has sent.
pub async fn serve(
    listener: TcpListener,
    config: VendorConfig,
    shutdown: CancellationToken,
) -> Result<(), VendorError> {
    let (schedule, dues) = mpsc::unbounded_channel();
    let (vendor, mut writing) = start(config, &schedule).await?;
    for due in vendor.ledger.pending() {
        // Cannot fail: `receipts::run` below owns the receiver.
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
    // Ends at once, because `stop` is cancelled.
    let _ = posting.await;
    vendor.ledger.close();
    let written = match written? {
        Some(written) => written,
        None => writing.await,
    };
    written.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

type WriterHandle = JoinHandle<Result<(), VendorError>>;

/// Opens the ledger and starts its writer.
async fn start(
    config: VendorConfig,
    schedule: &mpsc::UnboundedSender<DueReceipt>,
) -> Result<(Arc<Vendor>, WriterHandle), VendorError> {
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

/// Serves requests until `stop` is cancelled, then finishes open requests within `GRACE`.
async fn listen(
    listener: TcpListener,
    vendor: Arc<Vendor>,
    stop: CancellationToken,
) -> Result<(), VendorError> {
    let listener = listener.tap_io(|stream| {
        // Without `TCP_NODELAY`, responses wait for delayed ACKs. An error here only costs time.
        let _ = stream.set_nodelay(true);
    });
    let serving = axum::serve(listener, router(vendor))
        .with_graceful_shutdown(stop.clone().cancelled_owned())
        .into_future();
    let grace_over = async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        served = serving => served.map_err(VendorError::Listener),
        () = grace_over => Ok(()),
    }
}

fn router(vendor: Arc<Vendor>) -> Router {
    // `/send` is the path that channel adapters use.
    let sending = Router::new()
        .route("/send", post(send::send))
        .route("/vendor/send", post(send::send))
        .layer(DefaultBodyLimit::max(send::LONGEST_BODY));
    Router::new()
        .merge(sending)
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
