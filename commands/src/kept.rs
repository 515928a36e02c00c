//! Aggregates as the log keeps them.

use std::collections::BTreeMap;

use cqrs_es::Aggregate;
use domain::{
    Activity, ApiKey, Assistance, Campaign, Customer, DecodeError, LoggedEvent, Message, Order,
    Refusals, Segment, Subject, User, View,
};
use eventlog::{Entry, Head, Key, Log, Partition};
use futures::future::try_join_all;

use crate::CommandError;

/// An aggregate whose folded state is kept in a head.
pub trait Kept: Aggregate<Event: LoggedEvent, Command: Clone> + Clone {
    /// The version of the fold. Raise it when `apply` or the state's form
    /// changes: older heads are then folded anew from their events.
    const FOLD: u32;

    /// Whether most commands are on aggregates that do not exist yet. They are
    /// then decided as if none did, without reading heads first; the append's
    /// check of versions finds those that do.
    const MOSTLY_NEW: bool = false;
}

impl Kept for Customer {
    const FOLD: u32 = 1;
}

impl Kept for Order {
    const FOLD: u32 = 1;
    const MOSTLY_NEW: bool = true;
}

impl Kept for Activity {
    const FOLD: u32 = 1;
    const MOSTLY_NEW: bool = true;
}

impl Kept for View {
    const FOLD: u32 = 1;
}

impl Kept for Campaign {
    const FOLD: u32 = 1;
}

impl Kept for Message {
    const FOLD: u32 = 1;
}

impl Kept for Segment {
    const FOLD: u32 = 1;
}

impl Kept for User {
    const FOLD: u32 = 1;
}

impl Kept for ApiKey {
    const FOLD: u32 = 1;
}

impl Kept for Assistance {
    const FOLD: u32 = 1;
}

impl Kept for Refusals {
    const FOLD: u32 = 1;
}

/// An aggregate as it stands, ready to decide.
#[derive(Debug, Clone)]
pub(crate) struct Loaded<A> {
    /// How many events it has.
    pub(crate) version: u64,
    /// The number of the last one; 0 for none.
    pub(crate) last: u64,
    /// Its state.
    pub(crate) aggregate: A,
}

impl<A: Kept> Loaded<A> {
    /// One that does not exist.
    pub(crate) fn absent() -> Self {
        Self {
            version: 0,
            last: 0,
            aggregate: A::default(),
        }
    }

    /// From a head; from the events where the head's state is of an older fold
    /// or not readable.
    pub(crate) async fn load(
        log: &Log,
        key: &Key,
        head: Option<Head>,
    ) -> Result<Self, CommandError> {
        let Some(head) = head else {
            return Ok(Self::absent());
        };
        if head.fold == A::FOLD
            && let Ok(aggregate) = serde_json::from_str(&head.state)
        {
            return Ok(Self {
                version: head.version,
                last: head.last,
                aggregate,
            });
        }
        tracing::debug!(%key, fold = head.fold, "folding a head anew");
        Self::refold(key, &log.history(key).await?)
    }

    /// From the events alone.
    pub(crate) fn refold(key: &Key, history: &[Entry]) -> Result<Self, CommandError> {
        let mut aggregate = A::default();
        for entry in history {
            aggregate.apply(decode::<A>(entry).map_err(|source| unreadable(key, source))?);
        }
        let last = history.last();
        Ok(Self {
            version: last.map_or(0, |entry| entry.version),
            last: last.map_or(0, |entry| entry.position.number),
            aggregate,
        })
    }
}

/// Aggregates as they stand, by their heads, in the order asked for. Partitions
/// are read at the same time.
pub(crate) async fn load_all<A: Kept>(
    log: &Log,
    subjects: impl Iterator<Item = Subject>,
) -> Result<Vec<Loaded<A>>, CommandError> {
    let layout = log.layout();
    let keys: Vec<Key> = subjects
        .map(|subject| layout.key(subject.to_string(), subject.route()))
        .collect();
    let mut places: BTreeMap<Partition, Vec<usize>> = BTreeMap::new();
    for (place, key) in keys.iter().enumerate() {
        places.entry(key.partition).or_default().push(place);
    }
    let reads = places.iter().map(|(partition, places)| {
        let keys: Vec<&Key> = places.iter().map(|place| &keys[*place]).collect();
        async move { log.heads(*partition, &keys).await }
    });
    let heads = try_join_all(reads).await?;
    let mut loaded: Vec<Loaded<A>> = keys.iter().map(|_| Loaded::absent()).collect();
    for (place, head) in places
        .into_values()
        .flatten()
        .zip(heads.into_iter().flatten())
    {
        loaded[place] = Loaded::load(log, &keys[place], head).await?;
    }
    Ok(loaded)
}

/// An aggregate as it stands, by its head; `None` if it has no events.
pub(crate) async fn current<A: Kept>(
    log: &Log,
    subject: &Subject,
) -> Result<Option<A>, CommandError> {
    let key = log.layout().key(subject.to_string(), subject.route());
    let head = log.heads(key.partition, &[&key]).await?.pop().flatten();
    let loaded = Loaded::<A>::load(log, &key, head).await?;
    Ok((loaded.version > 0).then_some(loaded.aggregate))
}

pub(crate) fn decode<A: Kept>(entry: &Entry) -> Result<A::Event, DecodeError> {
    A::Event::decode(&entry.tag, &entry.data)
}

pub(crate) fn unreadable(key: &Key, source: DecodeError) -> CommandError {
    CommandError::Unreadable {
        key: key.to_string(),
        source,
    }
}

/// A state as its head holds it.
pub(crate) fn state<A: Kept>(aggregate: &A) -> String {
    // States are structs of numbers and texts, which always have a JSON form.
    serde_json::to_string(aggregate).unwrap_or_default()
}
