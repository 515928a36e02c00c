//! Black-box tests of the log, on real Redis servers.

mod append_law;
mod cluster;
mod commits;
mod concurrency;
mod coordination;
mod crash;
mod damage;
mod durability;
mod full;
mod identity;
mod model;
mod options;
mod tails;
mod trim;

use eventlog::{Append, Appended, Key, Log, NewEvent, NewHead, Partition, Position};
use serde_json::value::to_raw_value;

/// Returns a key in a partition of the test's choice, not the one that its hash would give.
fn key(text: &str, partition: Partition) -> Key {
    Key {
        text: text.into(),
        partition,
    }
}

/// Returns an append of one event, whose data is the string `data`, to a new aggregate.
fn new_item(key: &Key, data: &str) -> Append {
    item(key, 0, 0, data)
}

/// Returns an append of one event to an aggregate at version `expected`, whose last event has
/// the number `last`.
fn item(key: &Key, expected: u64, last: u64, data: &str) -> Append {
    Append {
        key: key.clone(),
        head: Some(NewHead {
            expected,
            last,
            fold: 1,
            state: format!("state after {data}"),
        }),
        events: vec![event(data)],
    }
}

fn event(data: &str) -> NewEvent {
    NewEvent {
        tag: "noted.1",
        data: to_raw_value(data).unwrap(),
    }
}

/// Encodes a string as the JSON that the log returns as an event's data.
fn json(data: &str) -> String {
    to_raw_value(data).unwrap().get().to_owned()
}

/// Appends items, all of them to the partition of the first.
async fn try_append(log: &Log, items: Vec<Append>) -> Result<Vec<Appended>, eventlog::LogError> {
    log.append(items[0].key.partition, "{}".into(), items).await
}

/// Appends one item and returns its position. Panics on a conflict.
async fn append(log: &Log, item: Append) -> Position {
    match try_append(log, vec![item]).await.unwrap()[..] {
        [Appended::At(position)] => position,
        ref other => panic!("{other:?}"),
    }
}

/// Appends `count` events to a new aggregate, one per call.
async fn append_many(log: &Log, key: &Key, count: u64) {
    let mut last = 0;
    for version in 0..count {
        let item = item(key, version, last, &format!("e{version}"));
        last = append(log, item).await.number;
    }
}

/// Returns the position before a partition's first event.
fn start(partition: Partition) -> Position {
    Position {
        partition,
        number: 0,
    }
}
