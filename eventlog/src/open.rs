//! Opening and creation of a log.

use std::sync::Arc;

use crate::appender::Appender;
use crate::connection::{Connection, RedisServer};
use crate::identity::{KnownLog, LogIdentity, new_epoch};
use crate::log::LogInner;
use crate::memory::RecentMemory;
use crate::settings::LogSettings;
use crate::{Layout, Log, LogError, Witness, counter, durability, settings};

/// Options for opening a log.
#[derive(Clone)]
pub struct LogOptions {
    /// URL of Redis, `redis://…` or `rediss://…`; any node of a cluster.
    pub url: String,
    /// PEM certificates of the certificate authorities to trust; `None` for those that
    /// browsers trust. Only for `rediss://…`.
    pub authorities: Option<Vec<u8>>,
    /// Prefix of all keys, so that several logs can share a server.
    pub namespace: String,
    /// Number of partitions, 1 to 256; fixed at the first start. `None` for the stored
    /// number, or [`LogOptions::DEFAULT_PARTITIONS`] for a new log.
    pub partitions: Option<u16>,
    /// True to open the log even on a Redis that could lose acknowledged events.
    pub allow_data_loss: bool,
    /// Store outside Redis that remembers the log; `None` trusts Redis alone.
    pub witness: Option<Arc<dyn Witness>>,
}

impl LogOptions {
    /// Default number of partitions of a new log.
    pub const DEFAULT_PARTITIONS: u16 = 16;

    /// Number of buckets of heads per partition and kind. Redis gives up the compact
    /// encoding at 512 heads in a bucket: with 16 partitions, beyond 16 million
    /// aggregates of a kind.
    const BUCKETS: u32 = 2_048;
}

impl Log {
    /// Connects to Redis and opens the log. Checks that the server is durable and that
    /// the settings match those of the first start. Creates the log if there is none
    /// and the witness remembers none.
    ///
    /// # Errors
    /// [`LogError::NotDurable`] if the server could lose events and that is not
    /// allowed; [`LogError::Pinned`] for another number of partitions than at the
    /// first start; [`LogError::Format`] for a log of another format;
    /// [`LogError::Gone`] if the witness remembers a log that Redis does not hold.
    pub async fn open(options: &LogOptions) -> Result<Self, LogError> {
        Self::open_or_create(options, Creation::Once).await
    }

    /// Accepts the log as Redis holds it now, for instance a restored copy, and gives
    /// it a new epoch. A log that is gone is created. Returns the new epoch.
    ///
    /// # Errors
    /// Those of [`Log::open`], and [`LogError::Unconfirmed`] if the witness does not
    /// answer.
    pub async fn accept(options: &LogOptions) -> Result<(Self, String), LogError> {
        let log = Self::open_or_create(options, Creation::Again).await?;
        let epoch = new_epoch();
        // The witness first: from here until Redis has the new epoch, every process
        // finds that the two differ and appends nothing. In the other order, a
        // process could append to a log that the witness still contradicts.
        if let Some(witness) = &options.witness {
            let replaced = witness.replace(&epoch).await;
            replaced.map_err(LogError::Unconfirmed)?;
        }
        let mut connection = log.connection();
        for partition in log.partitions() {
            counter::renew(&mut connection, log.layout(), partition, &epoch).await?;
        }
        settings::set_epoch(&mut connection, &log.0.namespace, &epoch).await?;
        log.0.identity.revoke();
        Ok((log, epoch))
    }

    async fn open_or_create(options: &LogOptions, creation: Creation) -> Result<Self, LogError> {
        let namespace = options.namespace.as_str();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if namespace.is_empty() || !namespace.chars().all(plain) {
            let why = format!("a namespace consists of A-Z a-z 0-9 - _, unlike {namespace:?}");
            return Err(LogError::Options(why));
        }
        let server = RedisServer::find(&options.url, options.authorities.as_deref()).await?;
        let connection = server.connect().await?;
        let unsafe_settings = durability::unsafe_settings(&connection).await?;
        if !unsafe_settings.is_empty() {
            if !options.allow_data_loss {
                return Err(LogError::NotDurable(unsafe_settings));
            }
            tracing::warn!(
                error = %LogError::NotDurable(unsafe_settings.clone()),
                "running on a Redis that can lose data, as allowed"
            );
        }
        let settings = settings_of(&connection, namespace, options, creation).await?;
        let layout = Layout::new(namespace, settings.partitions, settings.buckets);
        let witness = options.witness.clone();
        let identity = LogIdentity::new(connection, namespace, layout, &settings.epoch, witness);
        let identity = Arc::new(identity);
        let memory = Arc::<RecentMemory>::default();
        let appenders = (0..settings.partitions)
            .map(|partition| Appender::start(identity.clone(), memory.clone(), partition))
            .collect();
        Ok(Self(Arc::new(LogInner {
            server,
            namespace: namespace.to_owned(),
            identity,
            appenders,
            memory,
            unsafe_settings,
        })))
    }
}

/// Condition under which a log may be created.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Creation {
    /// Only if the witness remembers no log.
    Once,
    /// In any case: an operator accepts that an earlier log is gone.
    Again,
}

/// Reads the settings of the log from Redis, and creates the log if there is none.
async fn settings_of(
    connection: &Connection,
    namespace: &str,
    options: &LogOptions,
    creation: Creation,
) -> Result<LogSettings, LogError> {
    let given = options.partitions;
    if given.is_some_and(|p| !(1..=256).contains(&p)) {
        return Err(LogError::Options(
            "a log has 1 to 256 partitions".to_owned(),
        ));
    }
    let mut connection = connection.clone();
    let settings = match settings::read(&mut connection, namespace).await? {
        Some(settings) if settings.created => settings,
        unfinished => create(&mut connection, namespace, options, creation, unfinished).await?,
    };
    let given = given.map(|given| given.to_string());
    settings::check_pinned(
        "partitions",
        given.as_deref(),
        settings.partitions.to_string(),
    )?;
    Ok(settings)
}

/// Creates the log, or finishes a creation that was interrupted.
///
/// The order of writes lets every later start distinguish a Redis that lost its log from
/// one that never had it: the epoch goes to the witness before Redis, and the mark that
/// the log is created goes to the witness last.
async fn create(
    connection: &mut Connection,
    namespace: &str,
    options: &LogOptions,
    creation: Creation,
    unfinished: Option<LogSettings>,
) -> Result<LogSettings, LogError> {
    let mut settings = unfinished.unwrap_or_else(|| LogSettings {
        epoch: new_epoch(),
        partitions: options.partitions.unwrap_or(LogOptions::DEFAULT_PARTITIONS),
        buckets: LogOptions::BUCKETS,
        created: false,
    });
    let witness = options.witness.as_ref();
    if let (Some(witness), Creation::Once) = (witness, creation) {
        let known = witness.recall().await.map_err(LogError::Unconfirmed)?;
        // A log that is not marked as created holds no events: an interrupted creation
        // may be repeated. Otherwise events have been lost with the log.
        let is_new = |known: &KnownLog| !known.created && known.positions.is_empty();
        if known.as_ref().is_some_and(|known| !is_new(known)) {
            return Err(LogError::Gone);
        }
        // Processes that create the log at the same time all use the epoch that the
        // witness stored first.
        let introduced = witness.introduce(&settings.epoch).await;
        settings.epoch = introduced.map_err(LogError::Unconfirmed)?;
    }
    // `created` is set only after all counters exist, so that a process never appends
    // to a log whose counters are incomplete.
    let settings = settings::begin(connection, namespace, &settings).await?;
    let layout = Layout::new(namespace, settings.partitions, settings.buckets);
    for partition in 0..settings.partitions {
        counter::create(connection, &layout, partition, &settings.epoch).await?;
    }
    settings::finish(connection, namespace).await?;
    if let (Some(witness), Creation::Once) = (witness, creation) {
        let marked = witness.mark_created(&settings.epoch).await;
        marked.map_err(LogError::Unconfirmed)?;
    }
    Ok(settings)
}
