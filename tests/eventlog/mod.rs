//! The log, on real Redis servers.

mod append_law;
mod cluster;
mod concurrency;
mod crash;
mod damage;
mod durability;
mod full;
mod leases;
mod model;
mod options;
mod tails;

use eventlog::{Append, Appended, Key, Log, NewEvent, Partition, Position};

/// An aggregate of a partition chosen by hand.
fn key(text: &str, partition: Partition) -> Key {
    Key {
        text: text.into(),
        partition,
    }
}

/// One event, whose data is `data`, for an aggregate at version `expected`.
fn item(key: &Key, expected: u64, data: &str) -> Append {
    Append {
        key: key.clone(),
        expected,
        fold: 1,
        state: format!("state after {data}"),
        events: vec![event(data)],
    }
}

fn event(data: &str) -> NewEvent {
    NewEvent {
        tag: "noted.1",
        data: data.to_owned(),
        meta: "{}".into(),
    }
}

/// Appends one item, which must be taken.
async fn append(log: &Log, item: Append) -> Position {
    match log.append(item.key.partition, vec![item]).await.unwrap()[..] {
        [Appended::At(position)] => position,
        ref other => panic!("{other:?}"),
    }
}

/// Appends that many events to a new aggregate, one by one.
async fn append_many(log: &Log, key: &Key, count: u64) {
    for version in 0..count {
        append(log, item(key, version, &format!("e{version}"))).await;
    }
}

/// Before the first event.
fn start(partition: Partition) -> Position {
    Position {
        partition,
        number: 0,
    }
}
