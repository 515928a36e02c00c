//! Counter of a partition: log epoch, number of the last event, and floor.

use std::sync::LazyLock;

use futures::future::try_join_all;
use redis::Script;

use crate::connection::Connection;
use crate::{Layout, LogError, Partition, Position};

/// Counter of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartitionCounter {
    /// Epoch of the log.
    pub(crate) epoch: String,
    /// Number of the last event; 0 for none.
    pub(crate) last: u64,
    /// First number that was not trimmed.
    pub(crate) floor: u64,
}

/// Reads the counter of a partition; `None` if it is missing or incomplete.
pub(crate) async fn read(
    connection: &mut Connection,
    layout: &Layout,
    partition: Partition,
) -> Result<Option<PartitionCounter>, LogError> {
    let found: (Option<String>, Option<u64>, Option<u64>) = redis::cmd("HMGET")
        .arg(layout.counter(partition))
        .arg(&["epoch", "last", "floor"])
        .query_async(connection)
        .await?;
    Ok(match found {
        (Some(epoch), Some(last), Some(floor)) => Some(PartitionCounter { epoch, last, floor }),
        _ => None,
    })
}

/// Reads the counters of all partitions, in order.
pub(crate) async fn read_all(
    connection: &mut Connection,
    layout: &Layout,
) -> Result<Vec<Option<PartitionCounter>>, LogError> {
    let reads = (0..layout.partitions()).map(|partition| {
        let mut connection = connection.clone();
        async move { read(&mut connection, layout, partition).await }
    });
    try_join_all(reads).await
}

/// Creates the counter of an empty partition, unless it exists.
pub(crate) async fn create(
    connection: &mut Connection,
    layout: &Layout,
    partition: Partition,
    epoch: &str,
) -> Result<(), LogError> {
    let key = layout.counter(partition);
    // HSETNX, so that a repeated creation never resets a counter in use.
    let mut pipe = redis::pipe();
    pipe.hset_nx(&key, "epoch", epoch).ignore();
    pipe.hset_nx(&key, "last", 0).ignore();
    pipe.hset_nx(&key, "floor", 1).ignore();
    Ok(pipe.exec_async(connection).await?)
}

/// Rebuilds the counter from the stream, under a new epoch.
pub(crate) async fn renew(
    connection: &mut Connection,
    layout: &Layout,
    partition: Partition,
    epoch: &str,
) -> Result<(), LogError> {
    // A restored copy may have a counter that does not match its stream; the stream
    // decides. If the stream is empty, all events up to the old counter count as
    // trimmed, so that their numbers are not used again.
    static RENEW: LazyLock<Script> = LazyLock::new(|| {
        Script::new(
            "local function span(entries) \
               if not entries[1] then return nil end \
               local last, count = string.match(entries[1][1], '^(%d+)-(%d+)$') \
               return tonumber(last), tonumber(count) \
             end \
             local last = span(redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)) \
             local first, count = span(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)) \
             local floor = first and first - count + 1 or 1 \
             if not last then \
               last = tonumber(redis.call('HGET', KEYS[2], 'last') or 0) \
               floor = last + 1 \
             end \
             redis.call('HSET', KEYS[2], 'epoch', ARGV[1], 'last', last, 'floor', floor) \
             return last",
        )
    });
    let renewed: Result<u64, _> = RENEW
        .key(layout.stream(partition))
        .key(layout.counter(partition))
        .arg(epoch)
        .invoke_async(connection)
        .await;
    renewed?;
    Ok(())
}

/// Removes all commits that end before a position. Returns the partition's new floor.
pub(crate) async fn trim(
    connection: &mut Connection,
    layout: &Layout,
    before: Position,
) -> Result<Position, LogError> {
    // The floor moves in the same script as the stream, so that a missing event is
    // always either below the floor or a sign of damage. Only whole commits are
    // removed: the floor is the first event of the commit that contains the position.
    static TRIM: LazyLock<Script> = LazyLock::new(|| {
        Script::new(
            "local last, floor = unpack(redis.call('HMGET', KEYS[2], 'last', 'floor')) \
             if not (last and floor) then return redis.error_reply('MISSING no counter') end \
             local kept = redis.call('XRANGE', KEYS[1], ARGV[1] .. '-0', '+', 'COUNT', 1)[1] \
             local target = last + 1 \
             if kept then \
               local ends, count = string.match(kept[1], '^(%d+)-(%d+)$') \
               target = ends - count + 1 \
             end \
             if target > tonumber(floor) then \
               redis.call('HSET', KEYS[2], 'floor', target) \
               redis.call('XTRIM', KEYS[1], 'MINID', target .. '-0') \
             end \
             return redis.call('HGET', KEYS[2], 'floor')",
        )
    });
    let Position { partition, number } = before;
    let trimmed: Result<u64, redis::RedisError> = TRIM
        .key(layout.stream(partition))
        .key(layout.counter(partition))
        .arg(number)
        .invoke_async(connection)
        .await;
    match trimmed {
        Ok(number) => Ok(Position { partition, number }),
        Err(error) if error.code() == Some("MISSING") => Err(LogError::Missing { partition }),
        Err(error) => Err(error.into()),
    }
}
