//! The log, on real Redis servers.

mod append_law;
mod cluster;
mod commits;
mod concurrency;
mod crash;
mod damage;
mod durability;
mod full;
mod identity;
mod leases;
mod members;
mod model;
mod options;
mod refolds;
mod tails;
mod trim;

use eventlog::{Append, Appended, Key, Log, NewEvent, NewHead, Partition, Position};
use serde_json::value::to_raw_value;

/// An aggregate of a partition chosen by hand.
fn key(text: &str, partition: Partition) -> Key {
    Key {
        text: text.into(),
        partition,
    }
}

/// One event, whose data is the text `data`, for a new aggregate.
fn new_item(key: &Key, data: &str) -> Append {
    item(key, 0, 0, data)
}

/// One event for an aggregate at version `expected`, whose last event is number `last`.
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

/// The data of an event made from this text, as it is read.
fn json(data: &str) -> String {
    to_raw_value(data).unwrap().get().to_owned()
}

/// Appends items of one partition.
async fn try_append(log: &Log, items: Vec<Append>) -> Result<Vec<Appended>, eventlog::LogError> {
    log.append(items[0].key.partition, "{}".into(), items).await
}

/// Appends one item, which must be taken.
async fn append(log: &Log, item: Append) -> Position {
    match try_append(log, vec![item]).await.unwrap()[..] {
        [Appended::At(position)] => position,
        ref other => panic!("{other:?}"),
    }
}

/// Appends that many events to a new aggregate, one by one.
async fn append_many(log: &Log, key: &Key, count: u64) {
    let mut last = 0;
    for version in 0..count {
        let item = item(key, version, last, &format!("e{version}"));
        last = append(log, item).await.number;
    }
}

/// Before the first event.
fn start(partition: Partition) -> Position {
    Position {
        partition,
        number: 0,
    }
}
