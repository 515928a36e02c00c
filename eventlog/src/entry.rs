//! An event as the log holds it.

use redis::Value;
use xxhash_rust::xxh3::Xxh3;

use crate::{LogError, Partition, Position};

/// An entry of the log: always these fields, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands.
    pub position: Position,
    /// `k`: the aggregate's key.
    pub key: String,
    /// `n`: the aggregate's version after this event, from 1.
    pub version: u64,
    /// `b`: the number of the aggregate's event before this one; 0 for none.
    pub previous: u64,
    /// `t`: type and schema version, `order_placed.1`.
    pub tag: String,
    /// `d`: data.
    pub data: String,
    /// `m`: metadata.
    pub meta: String,
}

const FIELDS: [&str; 6] = ["k", "n", "b", "t", "d", "m"];

impl Entry {
    /// A digest of all of the entry, to tell whether it is still the same.
    pub fn fingerprint(&self) -> String {
        let mut hash = Xxh3::new();
        let numbers = format!("{} {} {}", self.position, self.version, self.previous);
        for part in [&numbers, &self.key, &self.tag, &self.data, &self.meta] {
            hash.update(part.as_bytes());
            hash.update(&[0xff]);
        }
        format!("{:016x}", hash.digest())
    }
}

/// Reads the reply of XRANGE.
pub(crate) fn entries(partition: Partition, reply: Value) -> Result<Vec<Entry>, LogError> {
    let nowhere = Position {
        partition,
        number: 0,
    };
    let Value::Array(items) = reply else {
        return Err(damaged(nowhere, "not a list of entries"));
    };
    items
        .into_iter()
        .map(|item| entry(partition, item))
        .collect()
}

fn entry(partition: Partition, item: Value) -> Result<Entry, LogError> {
    let mut position = Position {
        partition,
        number: 0,
    };
    let (id, fields) = pair(item).ok_or_else(|| damaged(position, "not an entry"))?;
    position.number = text(id)
        .and_then(|id| id.strip_suffix("-0")?.parse().ok())
        .ok_or_else(|| damaged(position, "an entry's id is not NUMBER-0"))?;
    let [key, version, previous, tag, data, meta] =
        values(fields).ok_or_else(|| damaged(position, "other fields than k n b t d m"))?;
    let number = |text: String| {
        text.parse()
            .map_err(|_| damaged(position, "n or b is not a number"))
    };
    Ok(Entry {
        position,
        key,
        version: number(version)?,
        previous: number(previous)?,
        tag,
        data,
        meta,
    })
}

fn pair(value: Value) -> Option<(Value, Value)> {
    let Value::Array(parts) = value else {
        return None;
    };
    let [first, second] = <[Value; 2]>::try_from(parts).ok()?;
    Some((first, second))
}

fn values(fields: Value) -> Option<[String; 6]> {
    let Value::Array(fields) = fields else {
        return None;
    };
    let mut fields = fields.into_iter();
    let mut next = |name: &str| (text(fields.next()?)? == name).then(|| text(fields.next()?))?;
    let values = FIELDS.map(&mut next);
    if fields.next().is_some() {
        return None;
    }
    let [Some(k), Some(n), Some(b), Some(t), Some(d), Some(m)] = values else {
        return None;
    };
    Some([k, n, b, t, d, m])
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

fn damaged(at: Position, what: &str) -> LogError {
    LogError::Damaged {
        at,
        what: what.to_owned(),
    }
}
