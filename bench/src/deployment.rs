//! Deployment of a benchmark.

use std::sync::Arc;

use anyhow::Context;
use commands::Commands;
use engines::Engines;
use eventlog::{Log, LogOptions};
use projections::{Store, StoreOptions};

/// Namespace in Redis and database in MongoDB. The engines belong to the benchmark alone.
pub(super) const NAME: &str = "bench";

/// Key from which the ids of addresses are derived.
pub(super) const ADDRESS_KEY: &str =
    "62656e636862656e636862656e636862656e636862656e636862656e63686265";

/// Open deployment with default settings.
pub(super) struct BenchDeployment {
    pub(super) log: Log,
    pub(super) commands: Commands,
    pub(super) store: Store,
}

impl BenchDeployment {
    pub(super) async fn open(engines: &Engines) -> anyhow::Result<Self> {
        let store = Store::open(&StoreOptions {
            uri: engines.mongodb_uri.clone(),
            database: NAME.to_owned(),
        })
        .await
        .context("cannot open the views")?;
        let log = Log::open(&LogOptions {
            url: engines.redis_url.clone(),
            authorities: None,
            namespace: NAME.to_owned(),
            partitions: None,
            allow_data_loss: false,
            witness: Some(Arc::new(store.clone())),
        })
        .await
        .context("cannot open the log")?;
        let commands = Commands::open(log.clone(), None, Some(ADDRESS_KEY.parse()?))
            .await
            .context("cannot open the log")?;
        Ok(Self {
            log,
            commands,
            store,
        })
    }
}
