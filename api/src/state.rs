//! State shared by all handlers, and its configuration.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use commands::Commands;
use domain::ContactRules;
use metrics_exporter_prometheus::PrometheusHandle;
use projections::Store;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::http::address::TrustedProxies;
use crate::http::body::{BodyRules, BodySettings};
use crate::http::cors::Cors;
use crate::http::limits::{
    self, AnswerBudget, BodyBudget, Limits, LogReads, Permits, Rates, Senders, Shares,
};
use crate::http::shed::Shed;
use crate::identity::credentials::Credentials;
use crate::identity::journal::{self, Notes};
use crate::identity::{AllowedOrigins, IdentityState, SignInConfig};
use crate::resources::admin::demo_load::DemoLoads;
use crate::resources::admin::setting::Setting;
use crate::resources::ai::assistant::{Assistant, AssistantConfig};
use crate::resources::delivery::secrets::VendorSecrets;
use crate::resources::health::readiness::CachedReadiness;
use crate::resources::imports::registry::{ImportConfig, Imports};
use crate::resources::jobs::registry::Jobs;
use crate::resources::shared::own_writes::OwnWrites;

/// Configuration of the API.
pub struct ApiConfig {
    /// Key with the role `admin` that works from the first start, if configured.
    pub bootstrap_key: Option<String>,
    /// Sign-in configuration. `None` disables sign-in.
    pub sign_in: Option<SignInConfig>,
    /// Origins of frontends that may use the API from a browser, besides its own.
    pub allowed_origins: AllowedOrigins,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: TrustedProxies,
    /// Secrets that the vendor signs its receipts with. Without any, every receipt
    /// is answered with 401.
    pub vendor_secrets: VendorSecrets,
    /// Maximum size of a request body in bytes.
    pub body_limit: usize,
    /// Maximum duration of a request, including the upload of its body.
    pub request_timeout: Duration,
    /// Limits of one process.
    pub limits: Limits,
    /// Maximum age of the oldest event that a view has not folded. Beyond it,
    /// `/readyz` answers 503.
    pub ready_lag: Duration,
    /// Configuration of the AI assistant.
    pub assistant: AssistantConfig,
    /// Configuration of imports over HTTP.
    pub imports: ImportConfig,
    /// Rules for the email addresses and phone numbers of customers.
    pub contacts: ContactRules,
    /// Number of soft bounces that puts an address on the suppression list.
    pub soft_bounces: u32,
    /// `true` if the web console is served at `/`.
    pub console: bool,
    /// Settings of the process, as `GET /api/admin/settings` lists them.
    pub settings: Vec<Setting>,
    /// Source of `/metrics`: the handle of the recorder that
    /// [`crate::prometheus`] builds.
    pub metrics: PrometheusHandle,
}

impl ApiConfig {
    /// Default of `body_limit`: 16 MiB.
    pub const BODY_LIMIT: usize = 16 * 1024 * 1024;

    /// Default of [`soft_bounces`](Self::soft_bounces).
    pub const SOFT_BOUNCES: u32 = 5;

    /// Default of `ready_lag`: one minute.
    pub const READY_LAG: Duration = Duration::from_secs(60);

    /// Default of `request_timeout`: 30 seconds.
    pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

    /// Returns the default configuration: default limits, no bootstrap key, no
    /// sign-in, no allowed origins, no vendor secrets, no directory for imports, no settings
    /// to list, the console.
    pub fn new(metrics: PrometheusHandle) -> Self {
        Self {
            bootstrap_key: None,
            sign_in: None,
            allowed_origins: AllowedOrigins::default(),
            trusted_proxies: TrustedProxies::default(),
            vendor_secrets: VendorSecrets::default(),
            body_limit: Self::BODY_LIMIT,
            request_timeout: Self::REQUEST_TIMEOUT,
            limits: Limits::default(),
            ready_lag: Self::READY_LAG,
            assistant: AssistantConfig::default(),
            imports: ImportConfig::default(),
            contacts: ContactRules::default(),
            soft_bounces: Self::SOFT_BOUNCES,
            console: true,
            settings: Vec::new(),
            metrics,
        }
    }
}

/// The API, ready to be passed to [`crate::serve`].
pub struct Api {
    pub(crate) state: AppState,
    pub(crate) notes: Notes,
}

impl Api {
    /// Creates an API that sends writes to `commands` and reads to `store`.
    pub fn new(commands: Commands, store: Store, config: ApiConfig) -> Self {
        let (journal, notes) = journal::open();
        let cors = Cors::new(config.allowed_origins.header_values());
        let credentials = Credentials::new(
            config.bootstrap_key.as_deref(),
            config.sign_in,
            config.allowed_origins,
        );
        let rates = Rates::new(&config.limits);
        let body_budget = BodyBudget::new(config.limits.bodies);
        let home = if config.console { "/" } else { "/docs/" };
        let state = AppContext {
            identity: IdentityState::new(commands.clone(), credentials, rates, journal, home),
            has_console: config.console,
            contacts: config.contacts,
            soft_bounces: config.soft_bounces,
            commands,
            store,
            cors,
            settings: config.settings,
            trusted_proxies: config.trusted_proxies,
            vendor_secrets: config.vendor_secrets,
            shed: Shed::default(),
            body_limit: config.body_limit,
            request_timeout: config.request_timeout,
            metrics: config.metrics,
            connections: Arc::new(Semaphore::new(config.limits.connections)),
            places: Arc::new(Semaphore::new(config.limits.requests)),
            waiting_reads: config.limits.waiting_reads(),
            streams: config.limits.streams(),
            receipt_places: Semaphore::new(limits::RECEIPT_PLACES),
            answer_budget: AnswerBudget::within(&body_budget, config.limits.bodies),
            body_budget,
            senders: Senders::new(),
            slow_client_timeout: config.limits.slow_client_timeout,
            assistant: Assistant::new(config.assistant),
            previews: Permits::new(4),
            log_reads: LogReads::new(config.limits.log_reads),
            merges: LogReads::new(MERGES),
            jobs: Jobs::new(config.limits.job_after),
            demo_loads: DemoLoads::default(),
            imports: Arc::new(Imports::new(config.imports)),
            own_writes: OwnWrites::new(),
            readiness: CachedReadiness::new(config.ready_lag),
            closing: CancellationToken::new(),
        };
        Self {
            state: Arc::new(state),
            notes,
        }
    }
}

/// Maximum number of merges of customers that this process follows at once.
const MERGES: usize = 256;

pub(crate) type AppState = Arc<AppContext>;

pub(crate) struct AppContext {
    pub(crate) commands: Commands,
    pub(crate) store: Store,
    pub(crate) identity: IdentityState,
    pub(crate) has_console: bool,
    pub(crate) contacts: ContactRules,
    pub(crate) soft_bounces: u32,
    pub(crate) cors: Cors,
    pub(crate) settings: Vec<Setting>,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) vendor_secrets: VendorSecrets,
    pub(crate) shed: Shed,
    pub(crate) body_limit: usize,
    pub(crate) request_timeout: Duration,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) connections: Arc<Semaphore>,
    pub(crate) places: Arc<Semaphore>,
    /// Places of reads that wait for a view.
    pub(crate) waiting_reads: Shares,
    /// Places of event streams.
    pub(crate) streams: Shares,
    pub(crate) receipt_places: Semaphore,
    pub(crate) body_budget: BodyBudget,
    pub(crate) answer_budget: AnswerBudget,
    pub(crate) senders: Senders,
    pub(crate) slow_client_timeout: Duration,
    pub(crate) assistant: Assistant,
    /// Permits for expensive counts in MongoDB.
    pub(crate) previews: Permits,
    /// Slots for long reads of the log.
    pub(crate) log_reads: LogReads,
    /// Slots for merges that are being copied. They wait for workers, perhaps for long, and
    /// must not keep reads of the log from running.
    pub(crate) merges: LogReads,
    /// Reads of the log that outlive their requests.
    pub(crate) jobs: Jobs,
    /// Loads of the demo shop that this process runs.
    pub(crate) demo_loads: DemoLoads,
    /// Imports of this process.
    pub(crate) imports: Arc<Imports>,
    /// Latest writes by credential, for read-your-writes.
    pub(crate) own_writes: OwnWrites,
    pub(crate) readiness: CachedReadiness,
    /// Token that is canceled at shutdown, so that open event streams end.
    pub(crate) closing: CancellationToken,
}

impl AppContext {
    /// Returns the settings of the deployment by which bodies are read.
    pub(crate) fn body_rules(&self) -> BodyRules {
        BodyRules {
            currency: self.commands.currency(),
            zone: self.store.zone(),
            contacts: self.contacts,
        }
    }
}

impl FromRef<AppState> for IdentityState {
    fn from_ref(app: &AppState) -> Self {
        app.identity.clone()
    }
}

impl FromRef<AppState> for BodySettings {
    fn from_ref(app: &AppState) -> Self {
        Self {
            budget: app.body_budget.clone(),
            limit: app.body_limit,
            rules: app.body_rules(),
        }
    }
}
