//! Heads: version, last event number and folded state of each aggregate, so that a
//! command is decided after one read.

use std::collections::HashMap;
use std::sync::LazyLock;

use redis::Script;

use crate::connection::Connection;
use crate::{Key, Layout, LogError, Partition, Position};

/// Version, last event number and folded state of an aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Number of the aggregate's events.
    pub version: u64,
    /// Number of the last event, within the partition.
    pub last: u64,
    /// Version of the fold that produced `state`.
    pub fold: u32,
    /// Folded state, as JSON.
    pub state: String,
}

impl Head {
    /// Parses the stored form, `version last fold state`.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, ' ');
        Some(Self {
            version: parts.next()?.parse().ok()?,
            last: parts.next()?.parse().ok()?,
            fold: parts.next()?.parse().ok()?,
            state: parts.next()?.to_owned(),
        })
    }
}

/// Reads the heads of aggregates of one partition, in the order of `keys`.
pub(crate) async fn load(
    connection: &mut Connection,
    layout: &Layout,
    partition: Partition,
    keys: &[&Key],
) -> Result<Vec<Option<Head>>, LogError> {
    let mut buckets: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, key) in keys.iter().enumerate() {
        buckets
            .entry(layout.bucket_of(key))
            .or_default()
            .push(index);
    }
    let mut pipe = redis::pipe();
    let mut order = Vec::with_capacity(buckets.len());
    for (bucket, indices) in buckets {
        let command = pipe.cmd("HMGET").arg(bucket);
        for index in &indices {
            command.arg(&*keys[*index].text);
        }
        order.push(indices);
    }
    let replies: Vec<Vec<Option<String>>> = pipe.query_async(connection).await?;
    let mut heads = vec![None; keys.len()];
    for (indices, reply) in order.into_iter().zip(replies) {
        for (index, text) in indices.into_iter().zip(reply) {
            heads[index] = text
                .map(|text| parse(partition, &keys[index].text, &text))
                .transpose()?;
        }
    }
    Ok(heads)
}

/// Reads all heads in one bucket; `None` for a head that is not readable.
pub(crate) async fn load_bucket(
    connection: &mut Connection,
    layout: &Layout,
    partition: Partition,
    kind: &str,
    bucket: u32,
) -> Result<HashMap<String, Option<Head>>, LogError> {
    let texts: HashMap<String, String> = redis::cmd("HGETALL")
        .arg(layout.bucket(partition, kind, bucket))
        .query_async(connection)
        .await?;
    let parsed = texts
        .into_iter()
        .map(|(key, text)| (key, Head::parse(&text)));
    Ok(parsed.collect())
}

fn parse(partition: Partition, key: &str, text: &str) -> Result<Head, LogError> {
    Head::parse(text).ok_or_else(|| LogError::Damaged {
        at: Position {
            partition,
            number: 0,
        },
        what: format!("the head of {key} is not readable"),
    })
}

/// Replaces heads with others of the same version and last number. Heads that changed in
/// the meantime are kept.
pub(crate) async fn rewrite(
    connection: &mut Connection,
    layout: &Layout,
    partition: Partition,
    heads: &[(&Key, Head)],
) -> Result<(), LogError> {
    // Compare and set: a head that an append changed in the meantime has another
    // version and is kept. The comparison includes the space after the last number, so
    // that `1 12` does not match `1 123`.
    static REWRITE: LazyLock<Script> = LazyLock::new(|| {
        Script::new(
            "for i, bucket in ipairs(KEYS) do \
               local key, version, head = ARGV[3 * i - 2], ARGV[3 * i - 1], ARGV[3 * i] \
               local stored = redis.call('HGET', bucket, key) \
               if stored and string.sub(stored, 1, #version) == version then \
                 redis.call('HSET', bucket, key, head) \
               end \
             end",
        )
    });
    debug_assert!(heads.iter().all(|(key, _)| key.partition == partition));
    let mut invocation = REWRITE.prepare_invoke();
    for (key, head) in heads {
        let version = format!("{} {} ", head.version, head.last);
        let whole = format!("{version}{} {}", head.fold, head.state);
        invocation.key(layout.bucket_of(key));
        invocation.arg(&*key.text).arg(version).arg(whole);
    }
    Ok(invocation.invoke_async(connection).await?)
}

/// Returns the number of heads of one kind.
pub(crate) async fn count(
    connection: &mut Connection,
    layout: &Layout,
    partition: Partition,
    kind: &str,
) -> Result<u64, LogError> {
    // A script, for the same reasons as in `filled_buckets`.
    static COUNT: LazyLock<Script> = LazyLock::new(|| {
        Script::new(
            "local prefix, count = string.match(KEYS[1], '^(.*:)%d+$'), 0 \
             for bucket = 0, ARGV[1] - 1 do \
               count = count + redis.call('HLEN', prefix .. bucket) \
             end \
             return count",
        )
    });
    let count = COUNT
        .key(layout.bucket(partition, kind, 0))
        .arg(layout.buckets())
        .invoke_async(connection)
        .await?;
    Ok(count)
}

/// Returns the buckets of one kind that are not empty.
pub(crate) async fn filled_buckets(
    connection: &mut Connection,
    layout: &Layout,
    partition: Partition,
    kind: &str,
) -> Result<Vec<u32>, LogError> {
    // A script, since hundreds of thousands of buckets would take many seconds with a
    // command each. It derives the names of all buckets from the key that is passed;
    // they share its hash tag, so they are in the same slot of a cluster.
    static FILLED: LazyLock<Script> = LazyLock::new(|| {
        Script::new(
            "local prefix, filled = string.match(KEYS[1], '^(.*:)%d+$'), {} \
             for first = 0, ARGV[1] - 1, 128 do \
               local some = {} \
               for bucket = first, math.min(first + 127, ARGV[1] - 1) do \
                 some[#some + 1] = prefix .. bucket \
               end \
               if redis.call('EXISTS', unpack(some)) > 0 then \
                 for i, bucket in ipairs(some) do \
                   if redis.call('EXISTS', bucket) == 1 then \
                     filled[#filled + 1] = first + i - 1 \
                   end \
                 end \
               end \
             end \
             return filled",
        )
    });
    let filled = FILLED
        .key(layout.bucket(partition, kind, 0))
        .arg(layout.buckets())
        .invoke_async(connection)
        .await?;
    Ok(filled)
}
