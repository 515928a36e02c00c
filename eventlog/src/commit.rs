//! Format of a commit: one entry of a partition's stream.
//!
//! The id is `<number of the last event>-<number of events>`. The field `m` holds the
//! metadata of all events as JSON. The field `e` holds a JSON array with
//! `[key, version, previous, type, data]` for each event; in its place, `z` holds the
//! same compressed with zstd, if that is smaller. `version` is 0 for an event without
//! a head. `previous` is the number of the aggregate's previous event, 0 for none, or
//! -k for "k events before this one".

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;

use redis::Value;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zstd::bulk::{Compressor, Decompressor};

use crate::{Append, Entry, Key, LogError, Partition, Position};

/// Compression level of zstd. Level 1 is fast, and as small as level 3 on events that
/// resemble each other.
const LEVEL: i32 = 1;

/// Smallest payload that is compressed, in bytes. Below it, compression costs more
/// than it saves.
const WORTH_COMPRESSING: usize = 256;

/// Largest size of a decompressed payload, in bytes. Far above what is ever written,
/// so that only damaged entries exceed it.
const MAX_DECOMPRESSED: usize = 1 << 28;

/// Encoded events of a commit.
pub(crate) struct CommitPayload {
    /// Name of the entry's field: `e` or `z`.
    pub(crate) field: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// Commit in the form that the script expects.
pub(crate) struct NewCommit {
    pub(crate) meta: Arc<str>,
    pub(crate) payload: CommitPayload,
    pub(crate) groups: Vec<AppendGroup>,
}

/// Part of an [`Append`] that the script needs.
pub(crate) struct AppendGroup {
    /// Expected and new head; `None` for plain records.
    pub(crate) head: Option<GroupHead>,
    pub(crate) events: usize,
}

/// Expected and new head of an [`AppendGroup`].
pub(crate) struct GroupHead {
    pub(crate) key: Key,
    pub(crate) expected: u64,
    pub(crate) last: u64,
    /// Fold version and state, as they are stored in the head.
    pub(crate) rest: String,
}

impl NewCommit {
    /// Encodes these appends as one commit.
    pub(crate) fn of(meta: &Arc<str>, appends: &[&Append]) -> Self {
        let group = |append: &&Append| AppendGroup {
            head: append.head.as_ref().map(|head| GroupHead {
                key: append.key.clone(),
                expected: head.expected,
                last: head.last,
                rest: format!("{} {}", head.fold, head.state),
            }),
            events: append.events.len(),
        };
        Self {
            meta: meta.clone(),
            payload: encode(appends),
            groups: appends.iter().map(group).collect(),
        }
    }

    /// Returns the number of events in the commit.
    pub(crate) fn events(&self) -> usize {
        self.groups.iter().map(|group| group.events).sum()
    }

    /// Returns the approximate size of the commit within a script call, in bytes.
    pub(crate) fn weight(&self) -> usize {
        let head = |group: &AppendGroup| {
            let head = group.head.as_ref();
            head.map_or(0, |head| head.key.text.len() + head.rest.len() + 64)
        };
        let heads: usize = self.groups.iter().map(head).sum();
        self.meta.len() + self.payload.bytes.len() + heads + 64
    }
}

/// Commit of the log, with all or some of its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Partition of the commit.
    pub partition: Partition,
    /// Number of the commit's first event.
    pub first: u64,
    /// Number of the commit's last event.
    pub last: u64,
    /// Metadata of all events of the commit, as JSON.
    pub meta: Arc<str>,
    /// Events of the commit, in order.
    pub events: Vec<Entry>,
}

#[derive(Serialize)]
struct EncodedEvent<'a>(&'a str, u64, i64, &'a str, &'a RawValue);

#[derive(Deserialize)]
struct DecodedEvent<'a>(
    #[serde(borrow)] Cow<'a, str>,
    u64,
    i64,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] &'a RawValue,
);

thread_local! {
    // Reused, since creating a context takes longer than compressing a small payload.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = RefCell::new(Compressor::new(LEVEL).ok());
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = RefCell::new(Decompressor::new().ok());
}

/// Encodes the events of these appends, in order.
pub(crate) fn encode(appends: &[&Append]) -> CommitPayload {
    let mut events = Vec::with_capacity(appends.iter().map(|a| a.events.len()).sum());
    for append in appends {
        let key = &*append.key.text;
        // The numbers of new events are only known when the script runs. So the first
        // event of an aggregate refers to its predecessor by number, and the others
        // refer to theirs by distance.
        let (mut version, mut previous) = match &append.head {
            Some(head) => (head.expected + 1, i64::try_from(head.last).unwrap_or(0)),
            None => (0, 0),
        };
        for event in &append.events {
            events.push(EncodedEvent(key, version, previous, event.tag, &event.data));
            if append.head.is_some() {
                version += 1;
                previous = -1;
            }
        }
    }
    // Cannot fail: strings, integers and serialized JSON always have a JSON form.
    let json = serde_json::to_vec(&events).unwrap_or_default();
    match compress(&json) {
        Some(bytes) => CommitPayload { field: "z", bytes },
        None => CommitPayload {
            field: "e",
            bytes: json,
        },
    }
}

/// Returns the compressed form, if it is smaller.
fn compress(json: &[u8]) -> Option<Vec<u8>> {
    if json.len() < WORTH_COMPRESSING {
        return None;
    }
    let compressed = COMPRESSOR.with_borrow_mut(|compressor| {
        // Without a compressor the payload is stored uncompressed.
        compressor.as_mut()?.compress(json).ok()
    })?;
    (compressed.len() < json.len()).then_some(compressed)
}

/// Numbers of the first and last event of a stream entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EntrySpan {
    pub(crate) first: u64,
    pub(crate) last: u64,
}

/// Decodes the reply of XRANGE. Only events whose number `wanted` accepts are kept.
///
/// # Errors
/// [`LogError::Damaged`] at the first entry that cannot be decoded.
pub(crate) fn decode_all(
    partition: Partition,
    reply: Value,
    wanted: impl Fn(u64) -> bool,
) -> Result<Vec<Commit>, LogError> {
    let Value::Array(entries) = reply else {
        return Err(damaged(partition, 0, "not a list of entries"));
    };
    let mut commits = Vec::with_capacity(entries.len());
    for entry in entries {
        commits.push(decode(partition, entry, &wanted)?);
    }
    Ok(commits)
}

/// Number of an entry's last event, and its commit or the reason why it cannot be
/// decoded.
pub(crate) type Decoded = (u64, Result<Commit, LogError>);

/// Decodes the reply of XRANGE, and continues after entries that cannot be decoded.
pub(crate) fn decode_each(partition: Partition, reply: Value) -> Result<Vec<Decoded>, LogError> {
    let Value::Array(entries) = reply else {
        return Err(damaged(partition, 0, "not a list of entries"));
    };
    let each = entries.into_iter().map(|entry| {
        let last = match &entry {
            Value::Array(parts) => parts.first().cloned().and_then(text),
            _ => None,
        };
        let last = last.and_then(|id| id.split_once('-')?.0.parse().ok());
        let last = last.ok_or_else(|| damaged(partition, 0, "not an entry"))?;
        Ok((last, decode(partition, entry, |_| true)))
    });
    each.collect()
}

fn decode(
    partition: Partition,
    entry: Value,
    wanted: impl Fn(u64) -> bool,
) -> Result<Commit, LogError> {
    let parts = match entry {
        Value::Array(parts) => <[Value; 2]>::try_from(parts).ok(),
        _ => None,
    };
    let [id, fields] = parts.ok_or_else(|| damaged(partition, 0, "not an entry"))?;
    let id = text(id).unwrap_or_default();
    let EntrySpan { first, last } = span(&id).ok_or_else(|| {
        let number = id.split('-').next().and_then(|last| last.parse().ok());
        let what = format!("the id {id} of an entry is not NUMBER-COUNT");
        damaged(partition, number.unwrap_or(0), &what)
    })?;
    let wrong = |what: &str| damaged(partition, first, what);
    let (meta, field, payload) =
        fields_of(fields).ok_or_else(|| wrong("an entry has other fields than m and e or z"))?;
    let json = match field {
        Field::Plain => payload,
        Field::Compressed => {
            decompress(&payload).ok_or_else(|| wrong("a payload cannot be decompressed"))?
        }
    };
    // Validated once as a whole, so that the parser need not validate each string.
    let json = String::from_utf8(json)
        .map_err(|error| wrong(&format!("a payload is not readable: {error}")))?;
    let decoded: Vec<DecodedEvent<'_>> = serde_json::from_str(&json)
        .map_err(|error| wrong(&format!("a payload is not readable: {error}")))?;
    if decoded.len() as u64 != last - first + 1 {
        let (holds, says) = (decoded.len(), last - first + 1);
        return Err(wrong(&format!("an entry of {says} events holds {holds}")));
    }
    let meta: Arc<str> = meta.into();
    let mut events = Vec::new();
    for (number, event) in (first..).zip(decoded) {
        if wanted(number) {
            events.push(event_at(
                Position { partition, number },
                first,
                event,
                &meta,
            )?);
        }
    }
    Ok(Commit {
        partition,
        first,
        last,
        meta,
        events,
    })
}

fn event_at(
    position: Position,
    commit: u64,
    event: DecodedEvent<'_>,
    meta: &Arc<str>,
) -> Result<Entry, LogError> {
    let DecodedEvent(key, version, previous, tag, data) = event;
    let previous = match u64::try_from(previous) {
        Ok(absolute) => Some(absolute),
        Err(_) => position.number.checked_sub(previous.unsigned_abs()),
    };
    let previous = previous.filter(|previous| *previous < position.number);
    Ok(Entry {
        position,
        commit,
        key: key.into_owned(),
        version,
        previous: previous.ok_or_else(|| LogError::Damaged {
            at: position,
            what: "the back pointer does not point to an earlier event".to_owned(),
        })?,
        tag: tag.into_owned(),
        data: data.get().to_owned(),
        meta: meta.clone(),
    })
}

fn decompress(payload: &[u8]) -> Option<Vec<u8>> {
    let size = Decompressor::upper_bound(payload)?;
    if size > MAX_DECOMPRESSED {
        return None;
    }
    DECOMPRESSOR
        .with_borrow_mut(|decompressor| decompressor.as_mut()?.decompress(payload, size).ok())
}

fn span(id: &str) -> Option<EntrySpan> {
    let (last, count) = id.split_once('-')?;
    let (last, count): (u64, u64) = (last.parse().ok()?, count.parse().ok()?);
    let first = (last + 1).checked_sub(count)?;
    (count > 0 && first > 0).then_some(EntrySpan { first, last })
}

enum Field {
    Plain,
    Compressed,
}

fn fields_of(fields: Value) -> Option<(String, Field, Vec<u8>)> {
    let Value::Array(fields) = fields else {
        return None;
    };
    let [m, meta, field, payload] = <[Value; 4]>::try_from(fields).ok()?;
    let field = match text(field)?.as_str() {
        "e" => Field::Plain,
        "z" => Field::Compressed,
        _ => return None,
    };
    let Value::BulkString(payload) = payload else {
        return None;
    };
    (text(m)? == "m").then_some((text(meta)?, field, payload))
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

fn damaged(partition: Partition, number: u64, what: &str) -> LogError {
    LogError::Damaged {
        at: Position { partition, number },
        what: what.to_owned(),
    }
}
