//! A deployment without its processes: a log, the commands over it, the views beside it.

use commands::Commands;
use eventlog::{Key, Log, LogOptions, Partition};
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

    /// Over a log and views that are open already.
    pub(crate) async fn over(log: Log, store: Store) -> Self {
        let commands = Commands::open(log.clone(), None).await.unwrap();
        Self {
            log,
            commands,
            store,
            namespace: String::new(),
            redis_url: String::new(),
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

    /// The name of a partition's counter in Redis.
    pub(crate) fn counter(&self, partition: Partition) -> String {
        format!("{{{}:{partition:02}}}:counter", self.namespace)
    }

    /// How many entries a partition's stream has.
    pub(crate) async fn entries(&self, partition: Partition) -> u64 {
        let mut length = redis::cmd("XLEN");
        length.arg(self.stream(partition));
        length.query_async(&mut self.redis().await).await.unwrap()
    }

    /// Removes the entry that holds an event; returns the number of its first event.
    pub(crate) async fn delete_commit(&self, partition: Partition, number: u64) -> u64 {
        delete_commit(&mut self.redis().await, &self.stream(partition), number).await
    }

    /// With a partition that is empty again, as processes see it that know nothing of before.
    pub(crate) async fn wiped(self, partition: Partition) -> Self {
        let mut redis = self.redis().await;
        let pattern = format!("{{{}:{partition:02}}}:*", self.namespace);
        let mut keys = redis::cmd("KEYS");
        let keys: Vec<String> = keys.arg(pattern).query_async(&mut redis).await.unwrap();
        let counter = self.counter(partition);
        let gone: Vec<&String> = keys.iter().filter(|key| **key != counter).collect();
        let mut delete = redis::cmd("DEL");
        delete.arg(gone).exec_async(&mut redis).await.unwrap();
        let mut count = redis::cmd("HSET");
        count.arg(counter).arg("last").arg(0);
        count.exec_async(&mut redis).await.unwrap();
        let log = self.reopened().await;
        Self {
            commands: Commands::open(log.clone(), None).await.unwrap(),
            log,
            ..self
        }
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
        witness: None,
    };
    Log::open(&options).await
}

/// Removes the entry of a stream that holds an event, as no program of ours does; returns the
/// number of its first event.
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
