//! A deployment without processes: a log, its commands, and its views, used as libraries.

use commands::Commands;
use eventlog::{Key, Log, LogOptions, Partition};
use projections::{Store, StoreOptions};
use redis::aio::MultiplexedConnection;

use super::engines::{OwnEngines, engines};
use super::scratch_database::ScratchDatabase;
use super::shop::address_key;

/// Default number of partitions.
const PARTITIONS: u16 = 4;

/// Log, commands and views with a namespace and a database of their own.
pub(crate) struct Deployment {
    pub(crate) log: Log,
    pub(crate) commands: Commands,
    pub(crate) store: Store,
    namespace: String,
    redis_url: String,
    /// Last field: the database is dropped after everything that uses it. `None` if it belongs to
    /// another deployment.
    _database: Option<ScratchDatabase>,
}

impl Deployment {
    /// Opens a new deployment on the shared engines.
    pub(crate) async fn fresh() -> Self {
        Self::with_partitions(PARTITIONS).await
    }

    /// Opens a new deployment with this number of partitions on the shared engines.
    pub(crate) async fn with_partitions(partitions: u16) -> Self {
        let engines = engines();
        Self::open(&engines.redis_url, &engines.mongodb_uri, partitions).await
    }

    /// Opens a new deployment on this Redis, with the views on the shared MongoDB.
    pub(crate) async fn on_redis(redis_url: &str, partitions: u16) -> Self {
        Self::open(redis_url, &engines().mongodb_uri, partitions).await
    }

    /// Opens a new deployment on the shared Redis, with the views on this MongoDB.
    pub(crate) async fn on_mongodb(mongodb_uri: &str, partitions: u16) -> Self {
        Self::open(&engines().redis_url, mongodb_uri, partitions).await
    }

    /// Opens a new deployment on engines that the test may kill.
    pub(crate) async fn on_engines(engines: &OwnEngines) -> Self {
        Self::open(&engines.redis_url(), &engines.mongodb_uri(), PARTITIONS).await
    }

    async fn open(redis_url: &str, mongodb_uri: &str, partitions: u16) -> Self {
        let namespace = format!("t{:016x}", rand::random::<u64>());
        let log = open_log(redis_url, &namespace, partitions).await.unwrap();
        let commands = Commands::open(log.clone(), None, Some(address_key()))
            .await
            .unwrap();
        let options = StoreOptions {
            uri: mongodb_uri.to_owned(),
            database: namespace.clone(),
        };
        let store = Store::open(&options).await.unwrap();
        Self {
            log,
            commands,
            store,
            _database: Some(ScratchDatabase::new(mongodb_uri, &namespace)),
            namespace,
            redis_url: redis_url.to_owned(),
        }
    }

    /// Builds a deployment from a log and views that are already open.
    pub(crate) async fn from_parts(log: Log, store: Store) -> Self {
        let commands = Commands::open(log.clone(), None, Some(address_key()))
            .await
            .unwrap();
        Self {
            log,
            commands,
            store,
            namespace: String::new(),
            redis_url: String::new(),
            _database: None,
        }
    }

    /// Creates the views' collections, as workers do at startup.
    pub(crate) async fn prepared(self) -> Self {
        self.store.generations().prepare().await.unwrap();
        self
    }

    /// Opens the same log again, as another process would.
    pub(crate) async fn reopen(&self) -> Log {
        let partitions = self.log.layout().partitions();
        let log = open_log(&self.redis_url, &self.namespace, partitions);
        log.await.unwrap()
    }

    /// Connects to Redis directly, bypassing the log.
    pub(crate) async fn redis(&self) -> MultiplexedConnection {
        let client = redis::Client::open(self.redis_url.as_str()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    /// Returns the name of a partition's stream in Redis.
    pub(crate) fn stream_key(&self, partition: Partition) -> String {
        format!("{{{}:{partition:02}}}:log", self.namespace)
    }

    /// Returns the name of a partition's counter in Redis.
    pub(crate) fn counter_key(&self, partition: Partition) -> String {
        format!("{{{}:{partition:02}}}:counter", self.namespace)
    }

    /// Returns the number of entries in a partition's stream.
    pub(crate) async fn entry_count(&self, partition: Partition) -> u64 {
        let mut length = redis::cmd("XLEN");
        length.arg(self.stream_key(partition));
        length.query_async(&mut self.redis().await).await.unwrap()
    }

    /// Removes the entry that contains an event; returns the number of the entry's first event.
    pub(crate) async fn delete_commit(&self, partition: Partition, number: u64) -> u64 {
        delete_commit(&mut self.redis().await, &self.stream_key(partition), number).await
    }

    /// Empties a partition, and opens the log again without the memory of the earlier events.
    pub(crate) async fn wipe_partition(self, partition: Partition) -> Self {
        let mut redis = self.redis().await;
        let pattern = format!("{{{}:{partition:02}}}:*", self.namespace);
        let mut keys = redis::cmd("KEYS");
        let keys: Vec<String> = keys.arg(pattern).query_async(&mut redis).await.unwrap();
        let counter = self.counter_key(partition);
        let gone: Vec<&String> = keys.iter().filter(|key| **key != counter).collect();
        let mut delete = redis::cmd("DEL");
        delete.arg(gone).exec_async(&mut redis).await.unwrap();
        let mut count = redis::cmd("HSET");
        count.arg(counter).arg("last").arg(0);
        count.exec_async(&mut redis).await.unwrap();
        let log = self.reopen().await;
        Self {
            commands: Commands::open(log.clone(), None, Some(address_key()))
                .await
                .unwrap(),
            log,
            ..self
        }
    }

    /// Returns the hash that holds an aggregate's head, and the head as text.
    pub(crate) async fn raw_head(&self, key: &Key) -> Option<(String, String)> {
        let buckets = 0..self.log.layout().buckets();
        let (partition, kind) = (key.partition, key.kind());
        let buckets: Vec<String> = buckets
            .map(|bucket| {
                format!(
                    "{{{}:{partition:02}}}:heads:{kind}:{bucket}",
                    self.namespace
                )
            })
            .collect();
        let mut pipe = redis::pipe();
        for bucket in &buckets {
            pipe.hget(bucket, &*key.text);
        }
        let heads: Vec<Option<String>> = pipe.query_async(&mut self.redis().await).await.unwrap();
        let mut found = buckets.into_iter().zip(heads);
        found.find_map(|(bucket, head)| head.map(|head| (bucket, head)))
    }

    /// Overwrites the existing head of an aggregate.
    pub(crate) async fn set_raw_head(&self, key: &Key, head: &str) {
        let (bucket, _) = self.raw_head(key).await.unwrap();
        self.put_raw_head(&bucket, &key.text, head).await;
    }

    /// Writes a head into this hash.
    pub(crate) async fn put_raw_head(&self, bucket: &str, key: &str, head: &str) {
        let mut set = redis::cmd("HSET");
        set.arg(bucket).arg(key).arg(head);
        set.exec_async(&mut self.redis().await).await.unwrap();
    }
}

/// Opens a log; refuses a Redis that can lose events.
pub(crate) async fn open_log(
    url: &str,
    namespace: &str,
    partitions: u16,
) -> Result<Log, eventlog::LogError> {
    let options = LogOptions {
        url: url.to_owned(),
        authorities: None,
        namespace: namespace.to_owned(),
        partitions: Some(partitions),
        allow_data_loss: false,
        witness: None,
    };
    Log::open(&options).await
}

/// Damages a stream by removing the entry that contains an event; returns the number of the
/// entry's first event.
pub(crate) async fn delete_commit(
    redis: &mut MultiplexedConnection,
    stream: &str,
    number: u64,
) -> u64 {
    let mut range = redis::cmd("XRANGE");
    range
        .arg(stream)
        .arg(format!("{number}-0"))
        .arg("+")
        .arg("COUNT")
        .arg(1);
    let found: Vec<(String, Vec<Vec<u8>>)> = range.query_async(redis).await.unwrap();
    let id = found.first().map(|(id, _)| id.clone()).unwrap();
    let mut delete = redis::cmd("XDEL");
    let deleted: u64 = delete
        .arg(stream)
        .arg(&id)
        .query_async(redis)
        .await
        .unwrap();
    assert_eq!(deleted, 1);
    let (last, count) = id.split_once('-').unwrap();
    last.parse::<u64>().unwrap() + 1 - count.parse::<u64>().unwrap()
}
