//! A deployment for one test: `patron serve` and any number of `patron work` processes.

use std::path::PathBuf;
use std::process::Command;

use chrono::{SecondsFormat, TimeDelta, Utc};
use commands::{Commands, Context, new_secret, user_id};
use domain::{KeyContent, KeySecret, Role, SessionId, Timestamp, UserId, UserIdentity, UserRole};

use super::client::Client;
use super::deployment::open_log;
use super::engines::{OwnEngines, engines};
use super::process::{Process, patron};
use super::scratch_database::ScratchDatabase;
use super::shop::{ADDRESS_KEY, address_key, context, text};

/// Number of partitions. It is small because every worker process has tasks per partition.
const PARTITIONS: u16 = 4;

/// Secret with which the vendor of every deployment signs receipts.
pub(crate) const VENDOR_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// Second secret that the API accepts, as during a rotation.
pub(crate) const NEXT_VENDOR_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Processes of one deployment; all are killed when this is dropped.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) client: Client,
    pub(crate) api: Process,
    pub(crate) workers: Vec<Process>,
    /// URL of the vendor for workers that are started later.
    pub(crate) vendor: Option<String>,
    settings: Settings,
}

/// Engines, namespace and configuration of a deployment.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) redis_url: String,
    pub(crate) mongodb_uri: String,
    /// Name of the namespace in Redis and of the database in MongoDB.
    pub(crate) name: String,
    pub(crate) key: String,
    /// PEM file with the authorities trusted for a `rediss://…` URL.
    pub(crate) redis_ca_file: Option<PathBuf>,
    /// Additional environment variables of the API.
    pub(crate) environment: Vec<(&'static str, String)>,
    /// Dropped with the last copy of these settings.
    pub(crate) _database: ScratchDatabase,
}

impl App {
    /// Starts the API and one worker on the shared engines.
    pub(crate) async fn start() -> Self {
        let mut app = Self::without_workers().await;
        app.add_worker();
        app
    }

    /// Starts the API alone on the shared engines.
    pub(crate) async fn without_workers() -> Self {
        let engines = engines();
        Self::serve(&engines.redis_url, &engines.mongodb_uri)
    }

    /// Starts the API alone on the shared engines, with these environment variables.
    pub(crate) async fn with_environment(environment: Vec<(&'static str, String)>) -> Self {
        let engines = engines();
        let settings = Settings {
            environment,
            ..Settings::fresh(&engines.redis_url, &engines.mongodb_uri)
        };
        Self::with_settings(settings)
    }

    /// Starts the API and one worker on engines that the test may kill.
    pub(crate) fn start_on(engines: &OwnEngines) -> Self {
        let mut app = Self::without_workers_on(engines);
        app.add_worker();
        app
    }

    /// Starts the API alone on engines that the test may kill.
    pub(crate) fn without_workers_on(engines: &OwnEngines) -> Self {
        Self::serve(&engines.redis_url(), &engines.mongodb_uri())
    }

    fn serve(redis_url: &str, mongodb_uri: &str) -> Self {
        Self::with_settings(Settings::fresh(redis_url, mongodb_uri))
    }

    /// Starts the API alone with these settings.
    pub(crate) fn with_settings(settings: Settings) -> Self {
        let (api, client) = settings.serve("127.0.0.1:0");
        Self {
            client,
            api,
            workers: Vec::new(),
            vendor: None,
            settings,
        }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Starts one more worker; returns once it is working.
    pub(crate) fn add_worker(&mut self) {
        self.add_worker_with([]);
    }

    /// Starts one more worker with these options.
    pub(crate) fn add_worker_with<const N: usize>(&mut self, options: [&str; N]) {
        let mut work = self.patron(["work"]);
        // Tests date messages to the past. An option overrides this.
        work.env("PATRON_RECEIPT_WINDOW", "1000000h");
        work.args(options);
        if let Some(vendor) = &self.vendor {
            work.args(["--vendor-url", vendor]);
            work.args(["--callback-url", self.client.base()]);
        }
        let worker = Process::start(work);
        worker.wait_for_line("working as");
        self.workers.push(worker);
    }

    /// Starts the API again after it was killed, at the same address.
    pub(crate) fn restart_api(&mut self) {
        assert!(self.api.has_ended());
        let address = self.client.base().trim_start_matches("http://").to_owned();
        // With a client of its own: a test that blocked its thread has not noticed that the
        // connections of the old one are closed.
        (self.api, self.client) = self.settings.serve(&address);
    }

    /// Returns a `patron` command for this deployment.
    pub(crate) fn patron<const N: usize>(&self, arguments: [&str; N]) -> Command {
        self.settings.patron(arguments)
    }

    /// Signs in a new user with this role, as if a provider had authenticated them.
    pub(crate) async fn sign_in_user(&self, role: UserRole) -> (UserId, SessionId) {
        let identity = UserIdentity {
            issuer: text("https://id.example.com"),
            subject: text(&format!("{:032x}", rand::random::<u128>())),
            email: "somebody@example.com".to_owned().try_into().unwrap(),
            name: None,
        };
        let (user, session) = (user_id(&identity), SessionId::from(rand::random::<u128>()));
        let commands = self.settings.commands().await;
        let context = now();
        let begun = commands.sign_in(&context, identity, session.clone(), role);
        begun.await.unwrap().unwrap();
        (user, session)
    }

    /// Creates an API key with this role; returns its secret.
    pub(crate) async fn create_key(&self, role: Role, expires_at: Option<Timestamp>) -> KeySecret {
        let secret = new_secret(None);
        let content = KeyContent {
            name: text(role.as_str()),
            role,
            expires_at,
            client: None,
        };
        let commands = self.settings.commands().await;
        let context = now();
        let made = commands.create_api_key(&context, &secret, content);
        made.await.unwrap().unwrap();
        secret
    }
}

/// Returns the context of a command that is issued at the current time.
pub(crate) fn now() -> Context {
    Context {
        now: Timestamp::from(Utc::now()),
        ..context()
    }
}

/// Returns a time after everything that was recorded so far, which is not too far ahead for the
/// time of a consent.
pub(crate) fn soon() -> String {
    let soon = Utc::now() + TimeDelta::minutes(1);
    soon.to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl Settings {
    /// Returns settings of a new deployment with a random namespace and key.
    pub(crate) fn fresh(redis_url: &str, mongodb_uri: &str) -> Self {
        let name = format!("t{:016x}", rand::random::<u64>());
        Self {
            redis_url: redis_url.to_owned(),
            mongodb_uri: mongodb_uri.to_owned(),
            _database: ScratchDatabase::new(mongodb_uri, &name),
            name,
            key: format!("test-key-{:016x}", rand::random::<u64>()),
            redis_ca_file: None,
            environment: Vec::new(),
        }
    }

    /// Opens the commands of an existing deployment, for commands that no route offers.
    pub(crate) async fn commands(&self) -> Commands {
        let log = open_log(&self.redis_url, &self.name, PARTITIONS).await;
        Commands::open(log.unwrap(), None, Some(address_key()))
            .await
            .unwrap()
    }

    /// Returns a `patron` command for this deployment.
    pub(crate) fn patron<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = patron(arguments);
        command
            .env("REDIS_URL", &self.redis_url)
            .env("MONGODB_URI", &self.mongodb_uri)
            .env("PATRON_NAMESPACE", &self.name)
            .env("PATRON_DATABASE", &self.name)
            .env("PATRON_PARTITIONS", PARTITIONS.to_string())
            .env("PATRON_ADDRESS_KEY", ADDRESS_KEY)
            .env("PATRON_BOOTSTRAP_KEY", &self.key);
        if let Some(file) = &self.redis_ca_file {
            command.env("REDIS_CA_FILE", file);
        }
        command
    }

    /// Starts the API at this address; returns it with a client.
    pub(crate) fn serve(&self, address: &str) -> (Process, Client) {
        let mut serve = self.patron(["serve", "--listen", address]);
        let secrets = format!("{VENDOR_SECRET},{NEXT_VENDOR_SECRET}");
        let api = Process::start({
            serve.env("PATRON_VENDOR_SECRET", secrets);
            serve.envs(self.environment.iter().cloned());
            serve
        });
        let line = api.wait_for_line("listening on ");
        let base = line.trim_start_matches("listening on ");
        let client = Client::new(base, &self.key);
        (api, client)
    }
}
