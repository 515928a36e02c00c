//! The handle that everybody shares.

use std::collections::HashMap;
use std::sync::Arc;

use futures::future::try_join_all;

use crate::appender::Appender;
use crate::connection::{Connection, Server};
use crate::{
    Append, Appended, Entry, Head, Key, Layout, LogError, Memory, Partition, Position, Tails,
    UnsafeSetting, durability, heads, read, server, settings,
};

/// How to open a log.
#[derive(Debug, Clone)]
pub struct LogOptions {
    /// `redis://…` or `rediss://…`; any node of a cluster.
    pub url: String,
    /// Certificates, as PEM, of the authorities whose servers are trusted;
    /// `None` trusts those that browsers trust. Only for `rediss://…`.
    pub authorities: Option<Vec<u8>>,
    /// What all keys begin with: several logs can share a server.
    pub namespace: String,
    /// How many partitions; fixed at the first start. `None` takes what is
    /// stored, or [`LogOptions::DEFAULT_PARTITIONS`].
    pub partitions: Option<u16>,
    /// Opens a log on a Redis that could lose acknowledged events.
    pub allow_data_loss: bool,
}

impl LogOptions {
    /// How many partitions a new log has unless told otherwise.
    pub const DEFAULT_PARTITIONS: u16 = 16;

    /// Buckets of heads per partition and kind. At 512 heads in a bucket Redis
    /// gives up the compact encoding: with 16 partitions that is beyond 16
    /// million aggregates of a kind.
    const BUCKETS: u32 = 2_048;
}

/// An open log. Cloning shares it.
#[derive(Clone)]
pub struct Log(Arc<Inner>);

struct Inner {
    server: Server,
    connection: Connection,
    namespace: String,
    layout: Layout,
    appenders: Vec<Appender>,
    unsafe_settings: Vec<UnsafeSetting>,
}

impl Log {
    /// Connects, checks that the server keeps what it acknowledges, and that
    /// the log is the one it was at its first start.
    ///
    /// # Errors
    /// [`LogError::NotDurable`] unless data loss is allowed;
    /// [`LogError::Pinned`] for another number of partitions than at first.
    pub async fn open(options: &LogOptions) -> Result<Self, LogError> {
        let namespace = check_namespace(&options.namespace)?;
        let server = Server::find(&options.url, options.authorities.as_deref()).await?;
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
        let layout = layout(&connection, namespace, options.partitions).await?;
        let appenders = (0..layout.partitions())
            .map(|p| Appender::start(connection.clone(), layout.clone(), p))
            .collect();
        Ok(Self(Arc::new(Inner {
            server,
            connection,
            namespace: namespace.to_owned(),
            layout,
            appenders,
            unsafe_settings,
        })))
    }

    /// Partitions, keys and their names.
    pub fn layout(&self) -> &Layout {
        &self.0.layout
    }

    /// All partitions.
    pub fn partitions(&self) -> std::ops::Range<Partition> {
        0..self.0.layout.partitions()
    }

    /// What could lose events on this server; empty unless that was allowed.
    pub fn unsafe_settings(&self) -> &[UnsafeSetting] {
        &self.0.unsafe_settings
    }

    /// Fixes a setting at the first start: `given`, or else `default`.
    /// Returns the value that holds.
    ///
    /// # Errors
    /// [`LogError::Pinned`] if `given` is not what was fixed before.
    pub async fn pin(
        &self,
        name: &str,
        given: Option<&str>,
        default: &str,
    ) -> Result<String, LogError> {
        pin(&self.0.connection, &self.0.namespace, name, given, default).await
    }

    /// Appends items of one partition, each on its own: all events of an item
    /// or none. Answers, in order, when all of it is on disk.
    ///
    /// # Errors
    /// After an error any of the items may have been appended or not. The
    /// caller repeats its command; the expected versions keep it from
    /// happening twice.
    pub async fn append(
        &self,
        partition: Partition,
        items: Vec<Append>,
    ) -> Result<Vec<Appended>, LogError> {
        debug_assert!(items.iter().all(|item| item.key.partition == partition));
        let appender = self.0.appenders.get(usize::from(partition));
        let appender = appender.ok_or_else(|| self.no_such(partition))?;
        appender.append(items).await
    }

    /// Heads of aggregates of one partition, in the order asked for.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer.
    pub async fn heads(
        &self,
        partition: Partition,
        keys: &[&Key],
    ) -> Result<Vec<Option<Head>>, LogError> {
        heads::load(&mut self.connection(), self.layout(), partition, keys).await
    }

    /// All heads in one bucket of one kind, by key.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer.
    pub async fn heads_in(
        &self,
        partition: Partition,
        kind: &str,
        bucket: u32,
    ) -> Result<HashMap<String, Head>, LogError> {
        heads::bucket(
            &mut self.connection(),
            self.layout(),
            partition,
            kind,
            bucket,
        )
        .await
    }

    /// Up to `count` entries after a position, in order.
    ///
    /// # Errors
    /// [`LogError::Damaged`] if a number is missing.
    pub async fn read(&self, after: Position, count: usize) -> Result<Vec<Entry>, LogError> {
        read::range(&mut self.connection(), self.layout(), after, count).await
    }

    /// Entries at these positions, in the same order; `None` where there is
    /// none.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer.
    pub async fn entries(&self, positions: &[Position]) -> Result<Vec<Option<Entry>>, LogError> {
        let mut by_partition: HashMap<Partition, Vec<usize>> = HashMap::new();
        for (index, position) in positions.iter().enumerate() {
            by_partition
                .entry(position.partition)
                .or_default()
                .push(index);
        }
        let reads = by_partition.iter().map(async |(partition, indices)| {
            let numbers: Vec<_> = indices.iter().map(|i| positions[*i].number).collect();
            read::at(&mut self.connection(), self.layout(), *partition, &numbers).await
        });
        let mut found = vec![None; positions.len()];
        let replies = try_join_all(reads).await?;
        for (indices, entries) in by_partition.values().zip(replies) {
            for (index, entry) in indices.iter().zip(entries) {
                found[*index] = entry;
            }
        }
        Ok(found)
    }

    /// All entries of one aggregate, first to last.
    ///
    /// # Errors
    /// [`LogError::Damaged`] if its back pointers lead nowhere.
    pub async fn history(&self, key: &Key) -> Result<Vec<Entry>, LogError> {
        let head = self.heads(key.partition, &[key]).await?.pop().flatten();
        let last = Position {
            partition: key.partition,
            number: head.map_or(0, |head| head.last),
        };
        read::history(&mut self.connection(), self.layout(), &key.text, last).await
    }

    /// The last position of a partition; number 0 if it is empty.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer.
    pub async fn last(&self, partition: Partition) -> Result<Position, LogError> {
        let number = read::last(&mut self.connection(), self.layout(), partition).await?;
        Ok(Position { partition, number })
    }

    /// The last position of every partition, in order.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer.
    pub async fn ends(&self) -> Result<Vec<Position>, LogError> {
        try_join_all(self.partitions().map(|p| self.last(p))).await
    }

    /// Follows the ends of all partitions as they move.
    pub fn tails(&self) -> Tails {
        Tails::start(self.clone())
    }

    /// Memory of the server that has the least left.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer.
    pub async fn memory(&self) -> Result<Memory, LogError> {
        server::memory(&self.0.connection).await
    }

    /// The server's version, as `7.2.4`; of a cluster, one node's.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer.
    pub async fn server_version(&self) -> Result<String, LogError> {
        server::version(&self.0.connection).await
    }

    /// The bytes of memory that a partition's stream takes, as Redis counts.
    ///
    /// # Errors
    /// [`LogError`] if Redis does not answer.
    pub async fn stream_bytes(&self, partition: Partition) -> Result<u64, LogError> {
        let bytes: Option<u64> = redis::cmd("MEMORY")
            .arg("USAGE")
            .arg(self.layout().stream(partition))
            .query_async(&mut self.connection())
            .await?;
        Ok(bytes.unwrap_or_default())
    }

    pub(crate) fn connection(&self) -> Connection {
        self.0.connection.clone()
    }

    pub(crate) fn server(&self) -> &Server {
        &self.0.server
    }

    fn no_such(&self, partition: Partition) -> LogError {
        let count = self.0.layout.partitions();
        LogError::Options(format!("there is no partition {partition} of {count}"))
    }
}

fn check_namespace(namespace: &str) -> Result<&str, LogError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if namespace.is_empty() || !namespace.chars().all(plain) {
        let why = format!("a namespace is made of A-Z a-z 0-9 - _, not {namespace:?}");
        return Err(LogError::Options(why));
    }
    Ok(namespace)
}

async fn layout(
    connection: &Connection,
    namespace: &str,
    partitions: Option<u16>,
) -> Result<Layout, LogError> {
    if partitions.is_some_and(|p| !(1..=256).contains(&p)) {
        return Err(LogError::Options(
            "a log has 1 to 256 partitions".to_owned(),
        ));
    }
    let given = partitions.map(|p| p.to_string());
    let default = LogOptions::DEFAULT_PARTITIONS.to_string();
    let stored = pin(
        connection,
        namespace,
        "partitions",
        given.as_deref(),
        &default,
    )
    .await?;
    let buckets = LogOptions::BUCKETS.to_string();
    let buckets = settings::fix(connection, namespace, "buckets", &buckets).await?;
    match (stored.parse(), buckets.parse()) {
        (Ok(partitions), Ok(buckets)) => Ok(Layout::new(namespace, partitions, buckets)),
        _ => Err(LogError::Options(format!(
            "the settings stored in Redis are unreadable: {stored} partitions, {buckets} buckets"
        ))),
    }
}

async fn pin(
    connection: &Connection,
    namespace: &str,
    name: &str,
    given: Option<&str>,
    default: &str,
) -> Result<String, LogError> {
    let stored = settings::fix(connection, namespace, name, given.unwrap_or(default)).await?;
    match given {
        Some(given) if given != stored => Err(LogError::Pinned {
            name: name.to_owned(),
            stored,
            given: given.to_owned(),
        }),
        _ => Ok(stored),
    }
}
