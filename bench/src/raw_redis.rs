//! Baseline of Redis: bare XADDs of the same bytes.

use std::time::{Duration, Instant};

use eventlog::{Entry, Log, Position};
use futures::future::try_join_all;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo};

/// Entries per pipeline.
const PIPELINE: usize = 1_000;

/// Concurrent pipelines, each to a stream of its own.
const CONCURRENCY: u16 = 16;

/// Result of bare XADDs.
pub(super) struct RawAppends {
    pub(super) per_second: f64,
    pub(super) bytes_per_event: f64,
}

/// Copies all entries of a log into bare streams of the same server.
pub(super) async fn append_again(url: &str, log: &Log) -> anyhow::Result<RawAppends> {
    let mut connection = connect(url).await?;
    let mut pipelines = Vec::new();
    let mut count = 0;
    for partition in log.partitions() {
        let mut at = Position {
            partition,
            number: 0,
        };
        loop {
            let entries = log.read(at, PIPELINE).await?;
            let Some(last) = entries.last() else { break };
            at = last.position;
            count += entries.len();
            pipelines.push((partition % CONCURRENCY, pipeline(&entries)));
        }
    }
    let before = memory(&mut connection).await?;
    let start = Instant::now();
    let lanes = (0..CONCURRENCY).map(|lane| {
        let mut connection = connection.clone();
        let own = pipelines.iter().filter(move |(l, _)| *l == lane);
        async move {
            for (_, pipeline) in own {
                pipeline.exec_async(&mut connection).await?;
            }
            anyhow::Ok(())
        }
    });
    try_join_all(lanes).await?;
    let took = start.elapsed();
    let used = memory(&mut connection).await?.saturating_sub(before);
    Ok(RawAppends {
        per_second: count as f64 / took.as_secs_f64(),
        bytes_per_event: used as f64 / count as f64,
    })
}

fn pipeline(entries: &[Entry]) -> redis::Pipeline {
    let mut pipeline = redis::Pipeline::with_capacity(entries.len());
    for entry in entries {
        pipeline
            .cmd("XADD")
            .arg(format!("bare:{}", entry.position.partition))
            .arg(format!("{}-0", entry.position.number))
            .arg(&["k", &entry.key])
            .arg("n")
            .arg(entry.version)
            .arg("b")
            .arg(entry.previous)
            .arg(&["t", &entry.tag, "d", &entry.data, "m", &entry.meta])
            .ignore();
    }
    pipeline
}

/// Removes the streams that [`append_again`] wrote.
pub(super) async fn remove(url: &str, log: &Log) -> anyhow::Result<()> {
    let mut connection = connect(url).await?;
    for partition in log.partitions() {
        redis::cmd("DEL")
            .arg(format!("bare:{partition}"))
            .exec_async(&mut connection)
            .await?;
    }
    Ok(())
}

/// Heads of one kind, as Redis stores them.
#[derive(Default)]
pub(super) struct StoredHeads {
    pub(super) count: u64,
    /// Memory of all buckets, in bytes.
    pub(super) memory: u64,
    /// Size of the longest head without its key, in bytes.
    pub(super) longest: usize,
    pub(super) buckets: u64,
    /// Number of buckets in Redis's compact encoding.
    pub(super) compact: u64,
}

/// Measures all heads of one kind.
pub(super) async fn heads(url: &str, log: &Log, kind: &str) -> anyhow::Result<StoredHeads> {
    let mut connection = connect(url).await?;
    let mut heads = StoredHeads::default();
    for partition in log.partitions() {
        let buckets = log.filled_buckets(partition, kind).await?;
        for bucket in buckets {
            let key = log.layout().bucket(partition, kind, bucket);
            let mut pipe = redis::pipe();
            pipe.cmd("OBJECT").arg(&["ENCODING", &key]);
            pipe.cmd("MEMORY").arg(&["USAGE", &key, "SAMPLES", "0"]);
            pipe.cmd("HVALS").arg(&key);
            let (encoding, memory, values): (String, u64, Vec<String>) =
                pipe.query_async(&mut connection).await?;
            heads.count += values.len() as u64;
            heads.memory += memory;
            let longest = values.iter().map(String::len).max();
            heads.longest = heads.longest.max(longest.unwrap_or(0));
            heads.buckets += 1;
            // Redis 7 calls it listpack, earlier ones ziplist.
            heads.compact += u64::from(encoding == "listpack" || encoding == "ziplist");
        }
    }
    Ok(heads)
}

/// Returns the memory that Redis uses for data, in bytes.
pub(super) async fn used_memory(url: &str) -> anyhow::Result<u64> {
    memory(&mut connect(url).await?).await
}

/// Returns the size of Redis's append-only file, in bytes.
pub(super) async fn aof_size(url: &str) -> anyhow::Result<u64> {
    let mut connection = connect(url).await?;
    info(&mut connection, "persistence", "aof_current_size:").await
}

async fn memory(connection: &mut MultiplexedConnection) -> anyhow::Result<u64> {
    info(connection, "memory", "used_memory:").await
}

async fn info(
    connection: &mut MultiplexedConnection,
    section: &str,
    field: &str,
) -> anyhow::Result<u64> {
    let info: String = redis::cmd("INFO")
        .arg(section)
        .query_async(connection)
        .await?;
    let value = info.lines().find_map(|line| line.strip_prefix(field));
    Ok(value.unwrap_or_default().trim().parse()?)
}

async fn connect(url: &str) -> anyhow::Result<MultiplexedConnection> {
    let nodelay = redis::io::tcp::TcpSettings::default().set_nodelay(true);
    let client = Client::open(url.into_connection_info()?.set_tcp_settings(nodelay))?;
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(60)));
    Ok(client
        .get_multiplexed_async_connection_with_config(&config)
        .await?)
}
