//! Opening a deployment: the log, the commands that append to it, and the views.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context, bail};
use chrono_tz::Tz;
use clap::Args;
use commands::Commands;
use domain::{AddressKey, AddressKeyError, Currency};
use eventlog::{Log, LogOptions, Witness};
use projections::{Store, StoreOptions};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::key;
use engines::{EngineOptions, Engines};

/// Names of a deployment, and settings that its first start fixes.
#[derive(Args, Clone, Debug)]
pub(crate) struct DeploymentOptions {
    /// Prefix of all keys in Redis
    #[arg(long, env = "PATRON_NAMESPACE", default_value = "patron")]
    namespace: String,

    /// Database in MongoDB
    #[arg(long, env = "PATRON_DATABASE", default_value = "patron")]
    database: String,

    /// PEM file with the authorities trusted for a `rediss://…` URL [default: those that browsers
    /// trust]. For MongoDB, set `tlsCAFile` in its URI.
    #[arg(long, env = "REDIS_CA_FILE", value_name = "FILE")]
    redis_ca_file: Option<PathBuf>,

    /// Number of partitions of the log; fixed at the first start [default: 16]
    #[arg(long, env = "PATRON_PARTITIONS")]
    partitions: Option<u16>,

    /// Currency of all amounts, an ISO 4217 code; fixed at the first start [default: USD]
    #[arg(long, env = "PATRON_CURRENCY")]
    currency: Option<Currency>,

    /// Time zone of the figures by day and of the counts by day that are stored with each
    /// customer, an IANA name such as Europe/Berlin; rules and send times do not use it; fixed at
    /// the first start [default: UTC]
    #[arg(long, env = "PATRON_TIME_ZONE", value_parser = time_zone)]
    time_zone: Option<Tz>,

    /// Secret key from which the ids of addresses are derived, 32 random bytes as hexadecimal
    /// digits or in base64; fixed at the first start [default: `up` generates one and keeps it in
    /// the data directory]
    #[arg(
        long,
        env = "PATRON_ADDRESS_KEY",
        hide_env_values = true,
        value_name = "KEY"
    )]
    address_key: Option<GivenAddressKey>,

    /// Run on a Redis that could lose acknowledged data
    #[arg(long, env = "PATRON_ALLOW_DATA_LOSS")]
    allow_data_loss: bool,
}

impl DeploymentOptions {
    /// Opens the views, and returns them with the options to open the log. The views are the log's
    /// witness: they remember which log they were folded from.
    async fn log(&self, redis_url: &str, mongodb_uri: &str) -> anyhow::Result<(LogOptions, Store)> {
        let store = Store::open(&StoreOptions {
            uri: mongodb_uri.to_owned(),
            database: self.database.clone(),
        })
        .await
        .context("cannot use MONGODB_URI")?;
        let log = LogOptions {
            url: redis_url.to_owned(),
            authorities: self.redis_authorities()?,
            namespace: self.namespace.clone(),
            partitions: self.partitions,
            allow_data_loss: self.allow_data_loss,
            witness: Some(Arc::new(store.clone())),
        };
        Ok((log, store))
    }

    fn address_key(&self) -> Option<AddressKey> {
        self.address_key
            .clone()
            .and_then(|GivenAddressKey(key)| key)
    }

    /// Returns these options with the key of the data directory, unless a key is given. The key is
    /// generated when it is first needed.
    pub(crate) fn keyed(&self, data_dir: &Path) -> anyhow::Result<Self> {
        if self.address_key().is_some() {
            return Ok(self.clone());
        }
        let stored = key::address_key(data_dir).context("cannot store the address key")?;
        let parsed = stored.parse::<AddressKey>();
        let parsed = parsed.with_context(|| format!("address-key in {}", data_dir.display()))?;
        Ok(Self {
            address_key: Some(GivenAddressKey(Some(parsed))),
            ..self.clone()
        })
    }

    fn redis_authorities(&self) -> anyhow::Result<Option<Vec<u8>>> {
        let Some(file) = &self.redis_ca_file else {
            return Ok(None);
        };
        let read = std::fs::read(file);
        let pem = read.with_context(|| format!("REDIS_CA_FILE: cannot read {}", file.display()))?;
        if CertificateDer::pem_slice_iter(&pem).next().is_none() {
            bail!("REDIS_CA_FILE: {} has no certificate", file.display());
        }
        Ok(Some(pem))
    }
}

/// Address key of an option. A blank value counts as unset.
#[derive(Clone, Debug)]
pub(crate) struct GivenAddressKey(Option<AddressKey>);

impl FromStr for GivenAddressKey {
    type Err = AddressKeyError;

    fn from_str(text: &str) -> Result<Self, AddressKeyError> {
        match text.trim() {
            "" => Ok(Self(None)),
            key => key.parse().map(|key| Self(Some(key))),
        }
    }
}

/// An open deployment.
#[derive(Clone)]
pub(crate) struct Deployment {
    pub(crate) log: Log,
    pub(crate) commands: Commands,
    pub(crate) store: Store,
}

impl Deployment {
    /// Opens the log and the views at these URLs.
    pub(crate) async fn open(
        redis_url: &str,
        mongodb_uri: &str,
        options: &DeploymentOptions,
    ) -> anyhow::Result<Self> {
        let (log, store) = options.log(redis_url, mongodb_uri).await?;
        let log = Log::open(&log).await;
        let log = log.context("cannot open the log in Redis")?;
        Self::with_log(log, store, options).await
    }

    /// Opens the log even if it is not the one that the views remember, and gives it a new epoch.
    /// Returns the new epoch, and the previous one if the views remember it.
    async fn accept(
        redis_url: &str,
        mongodb_uri: &str,
        options: &DeploymentOptions,
    ) -> anyhow::Result<(Self, String, Option<String>)> {
        let (log, store) = options.log(redis_url, mongodb_uri).await?;
        let known = store.recall().await.map_err(anyhow::Error::msg)?;
        let (log, epoch) = Log::accept(&log)
            .await
            .context("cannot accept the log in Redis")?;
        let deployment = Self::with_log(log, store, options).await?;
        Ok((deployment, epoch, known.map(|known| known.epoch)))
    }

    async fn with_log(log: Log, store: Store, options: &DeploymentOptions) -> anyhow::Result<Self> {
        let commands = Commands::open(log.clone(), options.currency, options.address_key())
            .await
            .context("cannot open the log in Redis")?;
        let zone = pin_time_zone(&log, options.time_zone).await?;
        Ok(Self {
            log,
            commands,
            store: store.in_zone(zone),
        })
    }
}

fn time_zone(name: &str) -> Result<Tz, String> {
    let error = |_| "not an IANA time zone such as Europe/Berlin".to_owned();
    name.parse().map_err(error)
}

/// Fixes the time zone when the log is first opened, and returns it. A later change would not
/// apply to the days that views have already counted.
async fn pin_time_zone(log: &Log, requested: Option<Tz>) -> anyhow::Result<Tz> {
    let pinned = log.pin("time_zone", requested.map(Tz::name), Tz::UTC.name());
    let name = pinned.await.context("cannot open the log in Redis")?;
    let zone = time_zone(&name).map_err(anyhow::Error::msg);
    zone.with_context(|| format!("the log was started with the time zone {name}"))
}

/// Deployment that an operator command works on.
#[derive(Args, Clone, Debug)]
pub(crate) struct Target {
    #[command(flatten)]
    engines: EngineOptions,

    #[command(flatten)]
    pub(crate) deployment: DeploymentOptions,
}

/// Deployment on engines that are given by URL.
#[derive(Args, Clone, Debug)]
pub(crate) struct Remote {
    /// URL of Redis: redis://… or rediss://…; any node of a cluster
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    redis_url: String,

    /// URI of MongoDB: mongodb://…
    #[arg(long, env = "MONGODB_URI", hide_env_values = true)]
    mongodb_uri: String,

    #[command(flatten)]
    deployment: DeploymentOptions,
}

impl Remote {
    /// Opens the deployment. Requires the address key, which all processes share.
    pub(crate) async fn open(&self) -> anyhow::Result<Deployment> {
        if self.deployment.address_key().is_none() {
            bail!(
                "PATRON_ADDRESS_KEY is not set: set it to the output of `openssl rand -hex 32`, the \
                 same for all processes of the deployment, and keep a copy"
            );
        }
        Deployment::open(&self.redis_url, &self.mongodb_uri, &self.deployment).await
    }
}

/// Open deployment, with the engines if they were started for it.
pub(crate) struct OpenTarget {
    pub(crate) deployment: Deployment,
    engines: Option<Engines>,
}

impl Target {
    /// Opens the deployment at the given URLs. Unless both are given, opens the one in the data
    /// directory: through the engines of the `patron up` that runs there, or else through engines
    /// that are started until `OpenTarget::close`.
    pub(crate) async fn open(&self) -> anyhow::Result<OpenTarget> {
        let (redis_url, mongodb_uri, engines) = self.engines().await?;
        let opened = match self.options() {
            Ok(options) => Deployment::open(&redis_url, &mongodb_uri, &options).await,
            Err(error) => Err(error),
        };
        match opened {
            Ok(deployment) => Ok(OpenTarget {
                deployment,
                engines,
            }),
            Err(error) => {
                stop(engines).await;
                Err(error)
            }
        }
    }

    /// Opens the deployment like `open`, and accepts its log as it is now, under a new epoch.
    /// Returns the new epoch, and the previous one if the views remember it.
    pub(crate) async fn accept(&self) -> anyhow::Result<(OpenTarget, String, Option<String>)> {
        let (redis_url, mongodb_uri, engines) = self.engines().await?;
        match Deployment::accept(&redis_url, &mongodb_uri, &self.deployment).await {
            Ok((deployment, epoch, previous)) => {
                let opened = OpenTarget {
                    deployment,
                    engines,
                };
                Ok((opened, epoch, previous))
            }
            Err(error) => {
                stop(engines).await;
                Err(error)
            }
        }
    }

    /// Returns the options, with the key of the data directory if the deployment is there.
    fn options(&self) -> anyhow::Result<DeploymentOptions> {
        let is_remote = self.engines.redis_url().is_some() && self.engines.mongodb_uri().is_some();
        match is_remote {
            true => Ok(self.deployment.clone()),
            false => self.deployment.keyed(&self.engines.data_dir),
        }
    }

    async fn engines(&self) -> anyhow::Result<(String, String, Option<Engines>)> {
        let urls = (self.engines.redis_url(), self.engines.mongodb_uri());
        if let (Some(redis_url), Some(mongodb_uri)) = urls {
            return Ok((redis_url, mongodb_uri, None));
        }
        let dir = &self.engines.data_dir;
        if let Some(running) = engines::running(dir).await? {
            return Ok((running.redis_url, running.mongodb_uri, None));
        }
        if !dir.exists() {
            bail!(
                "{} does not exist: set REDIS_URL and MONGODB_URI, or --data-dir",
                dir.display()
            );
        }
        let engines = Engines::start(&self.engines).await?;
        let (redis_url, mongodb_uri) = (engines.redis_url.clone(), engines.mongodb_uri.clone());
        Ok((redis_url, mongodb_uri, Some(engines)))
    }
}

impl OpenTarget {
    /// Stops the engines if they were started for this deployment.
    pub(crate) async fn close(self) {
        stop(self.engines).await;
    }
}

async fn stop(engines: Option<Engines>) {
    if let Some(engines) = engines {
        engines.stop().await;
    }
}
