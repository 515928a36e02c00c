//! Load → handle → commit → retry on conflict, in one place.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use cqrs_es::event_sink::EventSink;
use domain::{LoggedEvent, Subject};
use eventlog::{Append, Appended, Key, Log, NewEvent, Partition, Position};
use futures::future::try_join_all;

use crate::kept::{Kept, Loaded, state};
use crate::{CommandError, Context};

/// How often a command is decided anew because others were quicker.
const ATTEMPTS: u32 = 8;

/// What a command did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The aggregate is new.
    Created,
    /// It has new events.
    Updated,
    /// Nothing had to change.
    Unchanged,
}

/// What became of a command, and where the log says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// What it did.
    pub change: Change,
    /// The aggregate's last event.
    pub position: Position,
}

type Results<A> = Vec<Result<Outcome, <A as cqrs_es::Aggregate>::Error>>;

/// One command of a batch, on its way.
struct Item<A: Kept> {
    index: usize,
    key: Key,
    command: A::Command,
}

/// What an item came to before its append is known.
enum Decided<E> {
    Refused(E),
    Unchanged { last: u64 },
    UnchangedAfter { append: usize },
    Append { append: usize, created: bool },
}

/// Carries out commands, each on its own: one that a rule refuses does not
/// keep the others back. Commands on the same aggregate happen in the order
/// given. Results are in the order given, and on disk.
///
/// # Errors
/// After an error any of the commands may have happened. Repeating all of them
/// is safe: what happened is then `Unchanged`.
pub(crate) async fn execute<A: Kept>(
    log: &Log,
    services: &A::Services,
    context: &Context,
    commands: Vec<(Subject, A::Command)>,
) -> Result<Results<A>, CommandError> {
    let metadata = context.metadata();
    let count = commands.len();
    let mut by_partition: BTreeMap<Partition, Vec<Item<A>>> = BTreeMap::new();
    for (index, (subject, command)) in commands.into_iter().enumerate() {
        let key = log.layout().key(subject.to_string(), subject.route());
        let items = by_partition.entry(key.partition).or_default();
        items.push(Item {
            index,
            key,
            command,
        });
    }
    let runs = by_partition
        .into_iter()
        .map(|(partition, items)| run::<A>(log, services, &metadata, partition, items));
    let mut results: Vec<_> = (0..count).map(|_| None).collect();
    for (index, result) in try_join_all(runs).await?.into_iter().flatten() {
        results[index] = Some(result);
    }
    // Every index went into one partition's run, and each run answers for all
    // of its items.
    Ok(results.into_iter().flatten().collect())
}

type Indexed<A> = Vec<(usize, Result<Outcome, <A as cqrs_es::Aggregate>::Error>)>;

/// All items of one partition, again and again until none meets a conflict.
async fn run<A: Kept>(
    log: &Log,
    services: &A::Services,
    metadata: &Arc<str>,
    partition: Partition,
    mut items: Vec<Item<A>>,
) -> Result<Indexed<A>, CommandError> {
    let mut done = Vec::with_capacity(items.len());
    for attempt in 0..ATTEMPTS {
        let loaded = load::<A>(log, partition, &items).await?;
        let (decided, appends) = decide(&items, loaded, services, metadata).await;
        let keys: Vec<Key> = appends.iter().map(|append| append.key.clone()).collect();
        let appended = if appends.is_empty() {
            Vec::new()
        } else {
            log.append(partition, appends).await?
        };
        items = settle(partition, items, decided, &keys, &appended, &mut done);
        let Some(item) = items.first() else {
            return Ok(done);
        };
        tracing::debug!(key = %item.key, attempt, conflicts = items.len(), "deciding anew");
        pause(attempt).await;
    }
    let key = items.first().map(|item| item.key.to_string());
    Err(CommandError::Contended(key.unwrap_or_default()))
}

async fn load<A: Kept>(
    log: &Log,
    partition: Partition,
    items: &[Item<A>],
) -> Result<HashMap<Key, Loaded<A>>, CommandError> {
    let distinct: HashSet<&Key> = items.iter().map(|item| &item.key).collect();
    let keys: Vec<&Key> = distinct.into_iter().collect();
    let heads = log.heads(partition, &keys).await?;
    let mut loaded = HashMap::with_capacity(keys.len());
    for (key, head) in keys.into_iter().zip(heads) {
        loaded.insert(key.clone(), Loaded::load(log, key, head).await?);
    }
    Ok(loaded)
}

/// Decides all items in order, each on the state that those before it leave.
async fn decide<A: Kept>(
    items: &[Item<A>],
    mut loaded: HashMap<Key, Loaded<A>>,
    services: &A::Services,
    metadata: &Arc<str>,
) -> (Vec<Decided<A::Error>>, Vec<Append>) {
    let mut appends: Vec<Append> = Vec::with_capacity(items.len());
    let mut latest: HashMap<&Key, usize> = HashMap::new();
    let mut decided = Vec::with_capacity(items.len());
    for item in items {
        let Some(current) = loaded.get_mut(&item.key) else {
            continue; // `load` has an entry for every item's key.
        };
        let events = match handle(&mut current.aggregate, item.command.clone(), services).await {
            Ok(events) => events,
            Err(refusal) => {
                decided.push(Decided::Refused(refusal));
                continue;
            }
        };
        if events.is_empty() {
            decided.push(match latest.get(&item.key) {
                Some(&append) => Decided::UnchangedAfter { append },
                None => Decided::Unchanged { last: current.last },
            });
            continue;
        }
        decided.push(Decided::Append {
            append: appends.len(),
            created: current.version == 0,
        });
        latest.insert(&item.key, appends.len());
        appends.push(append(&item.key, current, &events, metadata));
    }
    (decided, appends)
}

async fn handle<A: Kept>(
    aggregate: &mut A,
    command: A::Command,
    services: &A::Services,
) -> Result<Vec<A::Event>, A::Error> {
    let sink = EventSink::default();
    aggregate.handle(command, services, &sink).await?;
    Ok(sink.collect().await)
}

/// The append of events that `current` has already applied; counts them in.
pub(crate) fn append<A: Kept>(
    key: &Key,
    current: &mut Loaded<A>,
    events: &[A::Event],
    metadata: &Arc<str>,
) -> Append {
    let expected = current.version;
    current.version += events.len() as u64;
    Append {
        key: key.clone(),
        expected,
        fold: A::FOLD,
        state: state(&current.aggregate),
        events: events
            .iter()
            .map(|event| NewEvent {
                tag: event.tag(),
                data: event.data(),
                meta: metadata.clone(),
            })
            .collect(),
    }
}

/// Moves what is certain into `done`; returns what must be decided anew:
/// everything not appended of an aggregate that met a conflict, since it was
/// decided on a state that never came to be.
fn settle<A: Kept>(
    partition: Partition,
    items: Vec<Item<A>>,
    decided: Vec<Decided<A::Error>>,
    keys: &[Key],
    appended: &[Appended],
    done: &mut Indexed<A>,
) -> Vec<Item<A>> {
    let conflicted: HashSet<&Key> = keys
        .iter()
        .zip(appended)
        .filter(|(_, appended)| matches!(appended, Appended::Conflict { .. }))
        .map(|(key, _)| key)
        .collect();
    let mut again = Vec::new();
    for (item, decided) in items.into_iter().zip(decided) {
        let in_doubt = conflicted.contains(&item.key);
        let result = match decided {
            Decided::Append { append, created } => match appended[append] {
                Appended::At(position) => Some(Ok(Outcome {
                    change: if created {
                        Change::Created
                    } else {
                        Change::Updated
                    },
                    position,
                })),
                Appended::Conflict { .. } => None,
            },
            _ if in_doubt => None,
            Decided::Refused(refusal) => Some(Err(refusal)),
            Decided::Unchanged { last } => Some(Ok(unchanged(Position {
                partition,
                number: last,
            }))),
            Decided::UnchangedAfter { append } => match appended[append] {
                Appended::At(position) => Some(Ok(unchanged(position))),
                Appended::Conflict { .. } => None,
            },
        };
        match result {
            Some(result) => done.push((item.index, result)),
            None => again.push(item),
        }
    }
    again
}

fn unchanged(position: Position) -> Outcome {
    Outcome {
        change: Change::Unchanged,
        position,
    }
}

/// Full jitter over a doubling bound: 2 ms, 4 ms, … 256 ms.
async fn pause(attempt: u32) {
    let bound = 2u64 << attempt;
    let millis = rand::random_range(0..=bound);
    tokio::time::sleep(Duration::from_millis(millis)).await;
}
