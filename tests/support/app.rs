//! A deployment of a test's own: `patron serve` and any number of `patron work`.

use std::path::PathBuf;
use std::process::Command;

use chrono::Utc;
use commands::{Commands, Context, new_secret, user_id};
use domain::{Identity, KeyContent, KeySecret, Role, SessionId, Timestamp, UserId, UserRole};

use super::client::Client;
use super::deployment::open_log;
use super::engines::{OwnEngines, engines};
use super::process::{Process, patron};
use super::shop::{context, text};

/// Few, because every process that works looks after each.
const PARTITIONS: u16 = 4;

/// What the vendor of every deployment signs with.
pub(crate) const VENDOR_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// The secret that is to follow it.
pub(crate) const NEXT_VENDOR_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Processes of one deployment; all are killed when it is dropped.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) client: Client,
    pub(crate) api: Process,
    pub(crate) workers: Vec<Process>,
    /// Where the workers started from now on find the vendor.
    pub(crate) vendor: Option<String>,
    settings: Settings,
}

/// Where a deployment is, and what it is called.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) redis_url: String,
    pub(crate) mongodb_uri: String,
    /// The namespace in Redis and the database in MongoDB.
    pub(crate) name: String,
    pub(crate) key: String,
    /// Who is trusted for the Redis of a `rediss://…`.
    pub(crate) redis_ca_file: Option<PathBuf>,
    /// What the API is told beside this, by its environment.
    pub(crate) environment: Vec<(&'static str, String)>,
}

impl App {
    /// The API and one worker, on the shared engines.
    pub(crate) async fn start() -> Self {
        let mut app = Self::without_workers().await;
        app.add_worker();
        app
    }

    /// The API alone, on the shared engines.
    pub(crate) async fn without_workers() -> Self {
        let engines = engines();
        Self::serve(&engines.redis_url, &engines.mongodb_uri)
    }

    /// The API alone, on the shared engines, with these in its environment.
    pub(crate) async fn told(environment: Vec<(&'static str, String)>) -> Self {
        let engines = engines();
        let settings = Settings {
            environment,
            ..Settings::fresh(&engines.redis_url, &engines.mongodb_uri)
        };
        Self::with(settings)
    }

    /// The API and one worker, on engines that the test may kill.
    pub(crate) fn on(engines: &OwnEngines) -> Self {
        let mut app = Self::api_on(engines);
        app.add_worker();
        app
    }

    /// The API alone, on engines that the test may kill.
    pub(crate) fn api_on(engines: &OwnEngines) -> Self {
        Self::serve(&engines.redis_url(), &engines.mongodb_uri())
    }

    fn serve(redis_url: &str, mongodb_uri: &str) -> Self {
        Self::with(Settings::fresh(redis_url, mongodb_uri))
    }

    /// The API alone.
    pub(crate) fn with(settings: Settings) -> Self {
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

    /// Starts one more worker; returns once it works.
    pub(crate) fn add_worker(&mut self) {
        self.add_worker_with([]);
    }

    /// As [`add_worker`](Self::add_worker), with these options.
    pub(crate) fn add_worker_with<const N: usize>(&mut self, options: [&str; N]) {
        let mut work = self.patron(["work"]);
        work.args(options);
        if let Some(vendor) = &self.vendor {
            work.args(["--vendor-url", vendor]);
            work.args(["--callback-url", self.client.base()]);
        }
        let worker = Process::start(work);
        worker.line_with("working as");
        self.workers.push(worker);
    }

    /// Starts the API again after it was killed, at the same address.
    pub(crate) fn restart_api(&mut self) {
        assert!(self.api.has_ended());
        let address = self.client.base().trim_start_matches("http://").to_owned();
        (self.api, _) = self.settings.serve(&address);
    }

    /// A `patron` command on this deployment.
    pub(crate) fn patron<const N: usize>(&self, arguments: [&str; N]) -> Command {
        self.settings.patron(arguments)
    }

    /// Signs a new user in who has this role, as if a provider had said who it is.
    pub(crate) async fn signed_in(&self, role: UserRole) -> (UserId, SessionId) {
        let identity = Identity {
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

    /// Makes a key of this role; what its owner has.
    pub(crate) async fn new_key(&self, role: Role, expires_at: Option<Timestamp>) -> KeySecret {
        let secret = new_secret("key:test", None);
        let content = KeyContent {
            name: text(role.as_str()),
            role,
            expires_at,
        };
        let commands = self.settings.commands().await;
        let context = now();
        let made = commands.create_api_key(&context, &secret, content);
        made.await.unwrap().unwrap();
        secret
    }
}

/// A test asks for something, at this very time.
pub(crate) fn now() -> Context {
    Context {
        now: Timestamp::from(Utc::now()),
        ..context()
    }
}

impl Settings {
    /// A deployment that is not there yet.
    pub(crate) fn fresh(redis_url: &str, mongodb_uri: &str) -> Self {
        Self {
            redis_url: redis_url.to_owned(),
            mongodb_uri: mongodb_uri.to_owned(),
            name: format!("t{:016x}", rand::random::<u64>()),
            key: format!("test-key-{:016x}", rand::random::<u64>()),
            redis_ca_file: None,
            environment: Vec::new(),
        }
    }

    /// The commands of a deployment that is there, for those that no route has.
    pub(crate) async fn commands(&self) -> Commands {
        let log = open_log(&self.redis_url, &self.name, PARTITIONS).await;
        Commands::open(log.unwrap(), None).await.unwrap()
    }

    /// A `patron` command on this deployment.
    pub(crate) fn patron<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = patron(arguments);
        command
            .env("REDIS_URL", &self.redis_url)
            .env("MONGODB_URI", &self.mongodb_uri)
            .env("PATRON_NAMESPACE", &self.name)
            .env("PATRON_DATABASE", &self.name)
            .env("PATRON_PARTITIONS", PARTITIONS.to_string())
            .env("PATRON_BOOTSTRAP_KEY", &self.key);
        if let Some(file) = &self.redis_ca_file {
            command.env("REDIS_CA_FILE", file);
        }
        command
    }

    /// The API, and a client of it.
    pub(crate) fn serve(&self, address: &str) -> (Process, Client) {
        let mut serve = self.patron(["serve", "--listen", address]);
        let secrets = format!("{VENDOR_SECRET},{NEXT_VENDOR_SECRET}");
        let api = Process::start({
            serve.env("PATRON_VENDOR_SECRET", secrets);
            serve.envs(self.environment.iter().cloned());
            serve
        });
        let line = api.line_with("listening on ");
        let base = line.trim_start_matches("listening on ");
        let client = Client::new(base, &self.key);
        (api, client)
    }
}
