//! A deployment: the log, the commands over it, the views beside it.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use chrono_tz::Tz;
use clap::Args;
use commands::Commands;
use domain::Currency;
use eventlog::{Log, LogOptions, Witness};
use projections::{Store, StoreOptions};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::engines::{self, EngineOptions, Engines};

/// What a deployment is called, and what is fixed at its first start.
#[derive(Args, Clone, Debug)]
pub(crate) struct DeploymentOptions {
    /// What all keys in Redis begin with
    #[arg(long, env = "PATRON_NAMESPACE", default_value = "patron")]
    namespace: String,

    /// The database in MongoDB
    #[arg(long, env = "PATRON_DATABASE", default_value = "patron")]
    database: String,

    /// A PEM file with the authorities that a `rediss://…` is trusted by [default: those that
    /// browsers trust]. MongoDB's is `tlsCAFile` in its URI.
    #[arg(long, env = "REDIS_CA_FILE", value_name = "FILE")]
    redis_ca_file: Option<PathBuf>,

    /// How many partitions the log has; fixed at the first start [default: 16]
    #[arg(long, env = "PATRON_PARTITIONS")]
    partitions: Option<u16>,

    /// The currency of all amounts, as ISO 4217 has it; fixed at the first start [default: USD]
    #[arg(long, env = "PATRON_CURRENCY")]
    currency: Option<Currency>,

    /// The time zone that days are counted in, by its IANA name such as Europe/Berlin; fixed at the
    /// first start [default: UTC]
    #[arg(long, env = "PATRON_TIME_ZONE", value_parser = time_zone)]
    time_zone: Option<Tz>,

    /// Run on a Redis that could lose what it has acknowledged
    #[arg(long, env = "PATRON_ALLOW_DATA_LOSS")]
    allow_data_loss: bool,
}

impl DeploymentOptions {
    /// A deployment of its own on engines that only a benchmark uses.
    pub(crate) fn for_bench() -> Self {
        Self {
            namespace: "bench".to_owned(),
            database: "bench".to_owned(),
            redis_ca_file: None,
            partitions: None,
            currency: None,
            time_zone: None,
            allow_data_loss: false,
        }
    }

    /// How to open the log, and the views, which remember it.
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

    fn redis_authorities(&self) -> anyhow::Result<Option<Vec<u8>>> {
        let Some(file) = &self.redis_ca_file else {
            return Ok(None);
        };
        let read = std::fs::read(file);
        let pem = read.with_context(|| format!("REDIS_CA_FILE: cannot read {}", file.display()))?;
        if CertificateDer::pem_slice_iter(&pem).next().is_none() {
            bail!("REDIS_CA_FILE: {} holds no certificate", file.display());
        }
        Ok(Some(pem))
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
    /// Opens the log and the views behind these URLs.
    pub(crate) async fn open(
        redis_url: &str,
        mongodb_uri: &str,
        options: &DeploymentOptions,
    ) -> anyhow::Result<Self> {
        let (log, store) = options.log(redis_url, mongodb_uri).await?;
        let log = Log::open(&log).await;
        let log = log.context("cannot open the log in Redis")?;
        Self::over(log, store, options).await
    }

    /// The same, whatever was seen of the log before, which gets a new epoch.
    /// Returns the new one, and the one before, if it is known.
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
        let deployment = Self::over(log, store, options).await?;
        Ok((deployment, epoch, known.map(|known| known.epoch)))
    }

    async fn over(log: Log, store: Store, options: &DeploymentOptions) -> anyhow::Result<Self> {
        let commands = Commands::open(log.clone(), options.currency)
            .await
            .context("cannot open the log in Redis")?;
        let zone = fix_time_zone(&log, options.time_zone).await?;
        Ok(Self {
            log,
            commands,
            store: store.in_zone(zone),
        })
    }
}

fn time_zone(name: &str) -> Result<Tz, String> {
    let error = |_| "no IANA time zone such as Europe/Berlin".to_owned();
    name.parse().map_err(error)
}

/// Days that were counted stay as they are: like the currency, the time zone is
/// fixed when the log is first opened.
async fn fix_time_zone(log: &Log, given: Option<Tz>) -> anyhow::Result<Tz> {
    let fixed = log.pin("time_zone", given.map(Tz::name), Tz::UTC.name());
    let name = fixed.await.context("cannot open the log in Redis")?;
    let zone = time_zone(&name).map_err(anyhow::Error::msg);
    zone.with_context(|| format!("the log was started with the time zone {name}"))
}

/// Where a deployment's engines are.
#[derive(Args, Clone, Debug)]
pub(crate) struct Target {
    #[command(flatten)]
    engines: EngineOptions,

    #[command(flatten)]
    pub(crate) deployment: DeploymentOptions,
}

/// A deployment on engines that run elsewhere.
#[derive(Args, Clone, Debug)]
pub(crate) struct Remote {
    /// Redis: redis://… or rediss://…, any node of a cluster
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    redis_url: String,

    /// MongoDB: mongodb://…
    #[arg(long, env = "MONGODB_URI", hide_env_values = true)]
    mongodb_uri: String,

    #[command(flatten)]
    deployment: DeploymentOptions,
}

impl Remote {
    pub(crate) async fn open(&self) -> anyhow::Result<Deployment> {
        Deployment::open(&self.redis_url, &self.mongodb_uri, &self.deployment).await
    }
}

/// A deployment, with the engines that were started for it, if any were.
pub(crate) struct Reached {
    pub(crate) deployment: Deployment,
    engines: Option<Engines>,
}

impl Target {
    /// The deployment at the URLs given; without both the one in the data
    /// directory: that of the `patron up` that runs there, or else its engines
    /// are started for as long as this command runs.
    pub(crate) async fn reach(&self) -> anyhow::Result<Reached> {
        let (redis_url, mongodb_uri, engines) = self.engines().await?;
        let opened = Deployment::open(&redis_url, &mongodb_uri, &self.deployment).await;
        match opened {
            Ok(deployment) => Ok(Reached {
                deployment,
                engines,
            }),
            Err(error) => {
                stop(engines).await;
                Err(error)
            }
        }
    }

    /// The same, whatever was seen of its log before, which gets a new epoch.
    /// Returns the new one, and the one before, if it is known.
    pub(crate) async fn accept(&self) -> anyhow::Result<(Reached, String, Option<String>)> {
        let (redis_url, mongodb_uri, engines) = self.engines().await?;
        match Deployment::accept(&redis_url, &mongodb_uri, &self.deployment).await {
            Ok((deployment, epoch, previous)) => {
                let reached = Reached {
                    deployment,
                    engines,
                };
                Ok((reached, epoch, previous))
            }
            Err(error) => {
                stop(engines).await;
                Err(error)
            }
        }
    }

    async fn engines(&self) -> anyhow::Result<(String, String, Option<Engines>)> {
        match (self.engines.redis_url(), self.engines.mongodb_uri()) {
            (Some(redis_url), Some(mongodb_uri)) => Ok((redis_url, mongodb_uri, None)),
            _ => self.in_data_dir().await,
        }
    }

    async fn in_data_dir(&self) -> anyhow::Result<(String, String, Option<Engines>)> {
        let dir: &PathBuf = &self.engines.data_dir;
        if let Some(running) = engines::running(dir)? {
            return Ok((running.redis_url, running.mongodb_uri, None));
        }
        if !dir.exists() {
            bail!(
                "there is no {}: set REDIS_URL and MONGODB_URI, or --data-dir",
                dir.display()
            );
        }
        let engines = Engines::start(&self.engines).await?;
        let (redis_url, mongodb_uri) = (engines.redis_url.clone(), engines.mongodb_uri.clone());
        Ok((redis_url, mongodb_uri, Some(engines)))
    }
}

impl Reached {
    /// Stops the engines that were started for this.
    pub(crate) async fn leave(self) {
        stop(self.engines).await;
    }
}

async fn stop(engines: Option<Engines>) {
    if let Some(engines) = engines {
        engines.stop().await;
    }
}
