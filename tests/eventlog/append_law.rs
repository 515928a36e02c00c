//! Property: the log matches its model after any appends, repetitions, restarts and trims.

use std::collections::HashSet;
use std::sync::Arc;

use eventlog::{Append, Key, Log, LogError, NewEvent, NewHead, Position};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::value::to_raw_value;

use super::model::PartitionModel;
use super::{key, start};
use crate::support::deployment::Deployment;
use crate::support::property;

/// Keys of several kinds. The last two are in the same bucket of heads, as long as the hash that
/// assigns buckets stays the same.
const AGGREGATES: [&str; 8] = [
    "order/a/1",
    "order/a/2",
    "order/b/1",
    "customer/a",
    "customer/b",
    "a kind of its own",
    "twin/27",
    "twin/28",
];

/// Key of plain records.
const RECORDS: &str = "records/1";

/// Version that an append expects, relative to the aggregate's version.
#[derive(Debug, Clone)]
enum Expected {
    Right,
    Stale(u64),
    Ahead(u64),
    /// The right version, but the last event of another history.
    OtherLast,
}

#[derive(Debug, Clone)]
struct Item {
    /// Index into `AGGREGATES`, or `None` for plain records.
    aggregate: Option<usize>,
    expected: Expected,
    fold: u32,
    state: String,
    events: Vec<(&'static str, String)>,
}

#[derive(Debug, Clone)]
enum Step {
    Batch(String, Vec<Item>),
    /// Appends an earlier batch again, unchanged.
    Repeat(prop::sample::Index),
    /// Continues with a new process.
    Restart,
    /// Removes the commits before one of the events.
    Trim(prop::sample::Index),
}

fn items() -> impl Strategy<Value = Item> {
    let expected = prop_oneof![
        6 => Just(Expected::Right),
        1 => (1..4u64).prop_map(Expected::Stale),
        1 => (1..4u64).prop_map(Expected::Ahead),
        1 => Just(Expected::OtherLast),
    ];
    let tag = prop_oneof![Just("noted.1"), Just("noted.2")];
    // Some texts are long enough to be compressed.
    let text = prop_oneof![4 => any::<String>(), 1 => "[a-c]{300,600}"];
    let events = vec((tag, text), 1..4);
    let all = (
        prop::option::weighted(0.8, 0..AGGREGATES.len()),
        expected,
        0..3u32,
        any::<String>(),
        events,
    );
    all.prop_map(|(aggregate, expected, fold, state, events)| Item {
        aggregate,
        expected,
        fold,
        state,
        events,
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let batch = (any::<String>(), vec(items(), 1..10));
    let step = prop_oneof![
        8 => batch.prop_map(|(meta, items)| Step::Batch(meta, items)),
        2 => any::<prop::sample::Index>().prop_map(Step::Repeat),
        1 => Just(Step::Restart),
        1 => any::<prop::sample::Index>().prop_map(Step::Trim),
    ];
    vec(step, 1..14)
}

#[test]
fn the_log_matches_its_model() {
    property::check(32, (steps(), 1..40usize), async |(steps, page)| {
        let deployment = Deployment::with_partitions(1).await;
        let mut log = deployment.log.clone();
        let mut model = PartitionModel::new(0);
        let mut batches: Vec<(Arc<str>, Vec<Append>)> = Vec::new();
        for step in steps {
            let (meta, batch) = match step {
                Step::Batch(meta, items) => (meta.into(), to_appends(items, &model)),
                Step::Repeat(index) if !batches.is_empty() => index.get(&batches).clone(),
                Step::Repeat(_) => continue,
                Step::Restart => {
                    log = deployment.reopen().await;
                    continue;
                }
                Step::Trim(index) => {
                    let number = index.index(model.events.len() + 2) as u64;
                    let floor = log.trim(at(number)).await.unwrap();
                    assert_eq!(floor, at(model.trim(number)));
                    continue;
                }
            };
            let appended = log.append(0, meta.clone(), batch.clone()).await.unwrap();
            assert_eq!(appended, model.append(&meta, &batch));
            batches.push((meta, batch));
        }
        assert_matches_model(&log, &model, page).await;
    });
}

/// Turns items into appends with absolute versions. Keeps the first item of each aggregate, since
/// one call may append to an aggregate only once.
fn to_appends(items: Vec<Item>, model: &PartitionModel) -> Vec<Append> {
    let mut named = HashSet::new();
    let mut appends = Vec::new();
    for item in items {
        let (key, head) = match item.aggregate {
            None => (key(RECORDS, 0), None),
            Some(index) if named.insert(index) => {
                let key = key(AGGREGATES[index], 0);
                let head = head(&item, model.head(&key.text));
                (key, Some(head))
            }
            Some(_) => continue,
        };
        appends.push(Append {
            key,
            head,
            events: item.events.iter().map(event).collect(),
        });
    }
    appends
}

fn head(item: &Item, (version, last): (u64, u64)) -> NewHead {
    let (expected, last) = match item.expected {
        Expected::Right => (version, last),
        Expected::Stale(by) => (version.saturating_sub(by), last),
        Expected::Ahead(by) => (version + by, last),
        Expected::OtherLast => (version, last + 1),
    };
    NewHead {
        expected,
        last,
        fold: item.fold,
        state: item.state.clone(),
    }
}

fn event((tag, data): &(&'static str, String)) -> NewEvent {
    NewEvent {
        tag,
        data: to_raw_value(data).unwrap(),
    }
}

async fn assert_matches_model(log: &Log, model: &PartitionModel, page: usize) {
    let mut events = Vec::new();
    let mut position = at(model.floor - 1);
    loop {
        let read = log.read(position, page).await.unwrap();
        assert!(read.len() <= page);
        let Some(last) = read.last() else { break };
        position = last.position;
        events.extend(read);
    }
    assert_eq!(events, model.kept());
    let end = log.last(0).await.unwrap();
    assert_eq!(end.number, model.events.len() as u64);
    if model.floor > 1 && end.number >= model.floor {
        let below = log.read(start(0), page).await.unwrap_err();
        let floor = at(model.floor);
        assert!(
            matches!(below, LogError::Trimmed { floor: f } if f == floor),
            "{below}"
        );
    }
    assert_entries_by_position(log, model).await;

    let keys: Vec<Key> = AGGREGATES.map(|text| key(text, 0)).into();
    let heads = log
        .heads(0, &keys.iter().collect::<Vec<_>>())
        .await
        .unwrap();
    for (key, head) in keys.iter().zip(heads) {
        assert_eq!(head.as_ref(), model.heads.get(&*key.text), "{key}");
        match (log.history(key).await, model.history(&key.text)) {
            (history, Some(expected)) => assert_eq!(history.unwrap(), expected),
            (Err(LogError::Trimmed { .. }), None) => {}
            (other, None) => panic!("{other:?}"),
        }
    }
    // Histories that lost events to trimming fail; they are checked one by one above.
    let untrimmed = keys.iter().filter(|key| model.history(&key.text).is_some());
    let wanted: Vec<(&Key, u64)> = untrimmed
        .map(|key| (key, model.head(&key.text).1))
        .collect();
    let expected = wanted
        .iter()
        .filter_map(|(key, _)| model.history(&key.text));
    let histories = log.histories(0, &wanted).await.unwrap();
    assert_eq!(histories, expected.collect::<Vec<_>>());
}

/// Asserts that events are found by their positions, in any order.
async fn assert_entries_by_position(log: &Log, model: &PartitionModel) {
    let end = model.events.len() as u64;
    // The position after the end has no event.
    let wanted: Vec<Position> = (model.floor..=end + 1).rev().map(at).collect();
    let found = log.entries(&wanted).await.unwrap();
    let expected = wanted.iter().map(|position| {
        let index = position.number as usize - 1;
        model.events.get(index).cloned()
    });
    assert_eq!(found, expected.collect::<Vec<_>>());
}

fn at(number: u64) -> Position {
    Position {
        partition: 0,
        number,
    }
}
