//! The append script does what the model does, whatever is asked of it.

use eventlog::{Append, Key, Log, NewEvent};
use proptest::collection::vec;
use proptest::prelude::*;

use super::model::Model;
use super::{key, start};
use crate::support::deployment::Deployment;
use crate::support::property;

/// Of several kinds, the last two in one bucket of heads (for as long as buckets are chosen
/// as they are).
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

/// Versions relative to the one that an aggregate has.
#[derive(Debug, Clone)]
enum Expected {
    Right,
    Stale(u64),
    Ahead(u64),
}

#[derive(Debug, Clone)]
struct Item {
    aggregate: usize,
    expected: Expected,
    fold: u32,
    state: String,
    events: Vec<(&'static str, String, String)>,
}

#[derive(Debug, Clone)]
enum Step {
    Batch(Vec<Item>),
    /// An earlier batch once more, word by word.
    Repeat(prop::sample::Index),
}

fn items() -> impl Strategy<Value = Item> {
    let expected = prop_oneof![
        6 => Just(Expected::Right),
        1 => (1..4u64).prop_map(Expected::Stale),
        1 => (1..4u64).prop_map(Expected::Ahead),
    ];
    let tag = prop_oneof![Just("noted.1"), Just("noted.2")];
    let events = vec((tag, any::<String>(), any::<String>()), 1..4);
    let all = (
        0..AGGREGATES.len(),
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
    let step = prop_oneof![
        4 => vec(items(), 1..10).prop_map(Step::Batch),
        1 => any::<prop::sample::Index>().prop_map(Step::Repeat),
    ];
    vec(step, 1..14)
}

#[test]
fn the_append_script_is_its_model() {
    property::check(32, (steps(), 1..40usize), async |(steps, page)| {
        let deployment = Deployment::with_partitions(1).await;
        let mut model = Model::new(0);
        let mut batches: Vec<Vec<Append>> = Vec::new();
        for step in steps {
            let batch = match step {
                Step::Batch(items) => concrete(&items, &model),
                Step::Repeat(_) if batches.is_empty() => continue,
                Step::Repeat(index) => index.get(&batches).clone(),
            };
            let appended = deployment.log.append(0, batch.clone()).await.unwrap();
            assert_eq!(appended, model.append(&batch));
            batches.push(batch);
        }
        assert_same(&deployment.log, &model, page).await;
    });
}

/// Items with the versions that they mean, were all before them in the batch taken.
fn concrete(items: &[Item], model: &Model) -> Vec<Append> {
    let mut ahead = [0; AGGREGATES.len()];
    let append = |item: &Item| {
        let aggregate = key(AGGREGATES[item.aggregate], 0);
        let has = model.version(&aggregate.text) + ahead[item.aggregate];
        let expected = match item.expected {
            Expected::Right => has,
            Expected::Stale(by) => has.saturating_sub(by),
            Expected::Ahead(by) => has + by,
        };
        if expected == has {
            ahead[item.aggregate] += item.events.len() as u64;
        }
        Append {
            key: aggregate,
            expected,
            fold: item.fold,
            state: item.state.clone(),
            events: item.events.iter().map(event).collect(),
        }
    };
    items.iter().map(append).collect()
}

fn event((tag, data, meta): &(&'static str, String, String)) -> NewEvent {
    NewEvent {
        tag,
        data: data.clone(),
        meta: meta.as_str().into(),
    }
}

async fn assert_same(log: &Log, model: &Model, page: usize) {
    let mut entries = Vec::new();
    let mut at = start(0);
    loop {
        let read = log.read(at, page).await.unwrap();
        let Some(last) = read.last() else { break };
        at = last.position;
        entries.extend(read);
    }
    assert_eq!(entries, model.entries);
    assert_eq!(log.last(0).await.unwrap(), at);

    let keys: Vec<Key> = AGGREGATES.map(|text| key(text, 0)).into();
    let heads = log.heads(0, &keys.iter().collect::<Vec<_>>()).await;
    for (key, head) in keys.iter().zip(heads.unwrap()) {
        assert_eq!(head.as_ref(), model.heads.get(&*key.text), "{key}");
        assert_eq!(log.history(key).await.unwrap(), model.history(&key.text));
    }
}
