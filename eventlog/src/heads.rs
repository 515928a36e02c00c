//! Heads: what a command is decided on, one read away.

use std::collections::HashMap;

use crate::connection::Connection;
use crate::{Key, Layout, LogError, Partition, Position};

/// An aggregate's version, last event and folded state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// How many events it has.
    pub version: u64,
    /// The number of the last one, in its partition.
    pub last: u64,
    /// Which version of the fold made `state`.
    pub fold: u32,
    /// The folded state.
    pub state: String,
}

impl Head {
    /// Reads `version last fold state`.
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

/// The heads of aggregates of one partition, in the order asked for.
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

/// All heads in one bucket.
pub(crate) async fn bucket(
    connection: &mut Connection,
    layout: &Layout,
    partition: Partition,
    kind: &str,
    bucket: u32,
) -> Result<HashMap<String, Head>, LogError> {
    let texts: HashMap<String, String> = redis::cmd("HGETALL")
        .arg(layout.bucket(partition, kind, bucket))
        .query_async(connection)
        .await?;
    texts
        .into_iter()
        .map(|(key, text)| parse(partition, &key, &text).map(|head| (key, head)))
        .collect()
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
