//! A deployment without its processes: a log, the commands over it, the views beside it.

use commands::Commands;
use eventlog::{Key, Log, LogOptions, Partition, Position};
use projections::{Store, StoreOptions};
use redis::aio::MultiplexedConnection;

use super::engines::{OwnEngines, engines};

/// How many partitions a deployment has that does not say.
const PARTITIONS: u16 = 4;

/// One with a namespace and a database of its own.
pub(crate) struct Deployment {
    pub(crate) log: Log,
    pub(crate) commands: Commands,
    pub(crate) store: Store,
    namespace: String,
    redis_url: String,
}

impl Deployment {
    /// On the shared engines.
    pub(crate) async fn fresh() -> Self {
        Self::with_partitions(PARTITIONS).await
    }

    /// On the shared engines.
    pub(crate) async fn with_partitions(partitions: u16) -> Self {
        let engines = engines();
        Self::open(&engines.redis_url, &engines.mongodb_uri, partitions).await
    }

    /// On that Redis, with the views on the shared MongoDB.
    pub(crate) async fn on_redis(redis_url: &str, partitions: u16) -> Self {
        Self::open(redis_url, &engines().mongodb_uri, partitions).await
    }

    /// With the views on that MongoDB, on the shared Redis.
    pub(crate) async fn on_mongodb(mongodb_uri: &str, partitions: u16) -> Self {
        Self::open(&engines().redis_url, mongodb_uri, partitions).await
    }

    /// On engines that the test may kill.
    pub(crate) async fn on(engines: &OwnEngines) -> Self {
        Self::open(&engines.redis_url(), &engines.mongodb_uri(), PARTITIONS).await
    }

    async fn open(redis_url: &str, mongodb_uri: &str, partitions: u16) -> Self {
        let namespace = format!("t{:016x}", rand::random::<u64>());
        let log = open_log(redis_url, &namespace, partitions).await.unwrap();
        let commands = Commands::open(log.clone(), None).await.unwrap();
        let options = StoreOptions {
            uri: mongodb_uri.to_owned(),
            database: namespace.clone(),
        };
        let store = Store::open(&options).await.unwrap();
        Self {
            log,
            commands,
            store,
            namespace,
            redis_url: redis_url.to_owned(),
        }
    }

    /// The views' collections are there, as the workers make them.
    pub(crate) async fn prepared(self) -> Self {
        self.store.generations().prepare().await.unwrap();
        self
    }

    /// The same log once more, as another process has it.
    pub(crate) async fn reopened(&self) -> Log {
        let partitions = self.log.layout().partitions();
        let log = open_log(&self.redis_url, &self.namespace, partitions);
        log.await.unwrap()
    }

    /// For a look behind the log's back.
    pub(crate) async fn redis(&self) -> MultiplexedConnection {
        let client = redis::Client::open(self.redis_url.as_str()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    /// The name of a partition's stream in Redis.
    pub(crate) fn stream(&self, partition: Partition) -> String {
        format!("{{{}:{partition:02}}}:log", self.namespace)
    }

    /// The name of a lease in Redis.
    pub(crate) fn lease(&self, name: &str) -> String {
        format!("{{{}}}:lease:{name}", self.namespace)
    }

    /// Removes an entry, as no program of ours does.
    pub(crate) async fn delete_entry(&self, at: Position) {
        let mut delete = redis::cmd("XDEL");
        delete.arg(self.stream(at.partition));
        delete.arg(format!("{}-0", at.number));
        let deleted: u64 = delete.query_async(&mut self.redis().await).await.unwrap();
        assert_eq!(deleted, 1);
    }

    /// Removes a partition, as if it had never been.
    pub(crate) async fn wipe(&self, partition: Partition) {
        let mut redis = self.redis().await;
        let pattern = format!("{{{}:{partition:02}}}:*", self.namespace);
        let mut keys = redis::cmd("KEYS");
        let keys: Vec<String> = keys.arg(pattern).query_async(&mut redis).await.unwrap();
        redis::cmd("DEL")
            .arg(keys)
            .exec_async(&mut redis)
            .await
            .unwrap();
    }

    /// The hash that holds an aggregate's head, and the head as it stands there.
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

    /// Writes a head by hand, where the aggregate has its own.
    pub(crate) async fn set_raw_head(&self, key: &Key, head: &str) {
        let (bucket, _) = self.raw_head(key).await.unwrap();
        self.put_raw_head(&bucket, &key.text, head).await;
    }

    /// Writes a head by hand into this hash.
    pub(crate) async fn put_raw_head(&self, bucket: &str, key: &str, head: &str) {
        let mut set = redis::cmd("HSET");
        set.arg(bucket).arg(key).arg(head);
        set.exec_async(&mut self.redis().await).await.unwrap();
    }
}

/// Opens a log that must not lose anything.
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
    };
    Log::open(&options).await
}
