//! What all handlers share.

use std::sync::Arc;
use std::time::Duration;

use commands::Commands;
use metrics_exporter_prometheus::PrometheusHandle;
use projections::Store;
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::address::TrustedProxies;
use crate::ai::{Assistant, AssistantConfig};
use crate::auth::{Credentials, SignIn};
use crate::delivery::VendorSecrets;
use crate::jobs::Jobs;
use crate::journal::{self, Journal, Notes};
use crate::limits::{self, Limits, LogReads, Rates, Room, Senders};
use crate::own_writes::OwnWrites;
use crate::problem::{Problem, ProblemKind};
use crate::readiness::Readiness;
use crate::shed::Shed;

/// How long a request waits for those before it.
const TURN: Duration = Duration::from_secs(10);

/// How the API is run.
pub struct ApiConfig {
    /// The one key that is an administrator's from the start, if there is one.
    pub bootstrap_key: Option<String>,
    /// How people sign in, if they may.
    pub sign_in: Option<SignIn>,
    /// Who says truly on whose behalf a connection is.
    pub trusted_proxies: TrustedProxies,
    /// What the vendor signs its receipts with. Without any every receipt is
    /// answered with 401.
    pub vendor_secrets: VendorSecrets,
    /// The most bytes that a body may have.
    pub body_limit: usize,
    /// How long a request may take, its body's upload included.
    pub request_timeout: Duration,
    /// What one process gives.
    pub limits: Limits,
    /// How old the oldest event that a view has not folded may be before
    /// `/readyz` answers 503.
    pub ready_lag: Duration,
    /// Who helps in plain words, and how much.
    pub assistant: AssistantConfig,
    /// What `/metrics` shows: the handle of the recorder that
    /// [`crate::prometheus`] builds.
    pub metrics: PrometheusHandle,
}

impl ApiConfig {
    /// 16 MiB.
    pub const BODY_LIMIT: usize = 16 * 1024 * 1024;

    /// A minute.
    pub const READY_LAG: Duration = Duration::from_secs(60);

    /// Half a minute.
    pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

    /// The usual limits, no key and no vendor.
    pub fn new(metrics: PrometheusHandle) -> Self {
        Self {
            bootstrap_key: None,
            sign_in: None,
            trusted_proxies: TrustedProxies::default(),
            vendor_secrets: VendorSecrets::default(),
            body_limit: Self::BODY_LIMIT,
            request_timeout: Self::REQUEST_TIMEOUT,
            limits: Limits::default(),
            ready_lag: Self::READY_LAG,
            assistant: AssistantConfig::default(),
            metrics,
        }
    }
}

/// The API, ready to [`crate::serve`].
pub struct Api {
    pub(crate) state: AppState,
    pub(crate) notes: Notes,
}

impl Api {
    /// Commands go to `commands`, questions to `store`.
    pub fn new(commands: Commands, store: Store, config: ApiConfig) -> Self {
        let (journal, notes) = journal::open();
        let state = Shared {
            commands,
            store,
            credentials: Credentials::new(config.bootstrap_key.as_deref(), config.sign_in),
            trusted_proxies: config.trusted_proxies,
            journal,
            vendor_secrets: config.vendor_secrets,
            shed: Shed::default(),
            body_limit: config.body_limit,
            request_timeout: config.request_timeout,
            metrics: config.metrics,
            connections: Arc::new(Semaphore::new(config.limits.connections)),
            places: Semaphore::new(config.limits.requests),
            receipt_places: Semaphore::new(limits::RECEIPT_PLACES),
            room: Room::new(config.limits.bodies),
            senders: Senders::new(),
            rates: Rates::new(&config.limits),
            patience: config.limits.patience,
            assistant: Assistant::new(config.assistant),
            previews: Semaphore::new(4),
            log_reads: LogReads::new(config.limits.log_reads),
            jobs: Jobs::new(config.limits.job_after),
            own_writes: OwnWrites::new(),
            readiness: Readiness::new(config.ready_lag),
            closing: CancellationToken::new(),
        };
        Self {
            state: Arc::new(state),
            notes,
        }
    }
}

pub(crate) type AppState = Arc<Shared>;

pub(crate) struct Shared {
    pub(crate) commands: Commands,
    pub(crate) store: Store,
    pub(crate) credentials: Credentials,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) journal: Journal,
    pub(crate) vendor_secrets: VendorSecrets,
    pub(crate) shed: Shed,
    pub(crate) body_limit: usize,
    pub(crate) request_timeout: Duration,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) connections: Arc<Semaphore>,
    pub(crate) places: Semaphore,
    pub(crate) receipt_places: Semaphore,
    pub(crate) room: Room,
    pub(crate) senders: Senders,
    pub(crate) rates: Rates,
    pub(crate) patience: Duration,
    pub(crate) assistant: Assistant,
    /// Whose turn it is to have MongoDB count.
    pub(crate) previews: Semaphore,
    /// Places for long reads of the log.
    pub(crate) log_reads: LogReads,
    /// Reads of the log that outlive their requests.
    pub(crate) jobs: Jobs,
    /// What reads of the same credential follow.
    pub(crate) own_writes: OwnWrites,
    pub(crate) readiness: Readiness,
    /// Cancelled when the server ends: answers without an end then end too.
    pub(crate) closing: CancellationToken,
}

/// Waits for a permit, for 10 s at most.
///
/// # Errors
/// 503 if there is none by then.
pub(crate) async fn turn(turns: &Semaphore) -> Result<SemaphorePermit<'_>, Problem> {
    permit_by(Instant::now() + TURN, turns.acquire()).await
}

/// Waits for a permit until then.
///
/// # Errors
/// 503 if there is none by then.
pub(crate) async fn permit_by<P>(
    by: Instant,
    permit: impl Future<Output = Result<P, AcquireError>>,
) -> Result<P, Problem> {
    match timeout_at(by, permit).await {
        Ok(Ok(permit)) => Ok(permit),
        _ => {
            let detail = "too many concurrent requests of this kind; retry later";
            Err(Problem::new(ProblemKind::Busy, detail))
        }
    }
}
