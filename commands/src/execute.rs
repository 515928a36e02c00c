//! Load → handle → commit → retry on conflict, in one place.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use cqrs_es::event_sink::EventSink;
use domain::{LoggedEvent, Subject};
use eventlog::{Append, Appended, Key, Log, NewEvent, NewHead, Partition, Position};
use futures::future::try_join_all;
use tokio::time::{Instant, timeout_at};

use crate::kept::{Kept, Loaded, key_of, load_in, state};
use crate::turns::Turns;
use crate::{CommandError, Commands, Context};

/// For how long commands that met a conflict wait for their turn and are decided
/// again. Shorter than any request may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Once a commit has so many events or bytes, later commands go into another.
const MAX_EVENTS: usize = 1_000;
const MAX_BYTES: usize = 1 << 20;

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
    /// A rule says no, perhaps because of an event that is about to be
    /// appended.
    Refused(E, Option<Pending>),
    /// Nothing to do, by the aggregate's last event in the log.
    Unchanged { last: u64 },
    /// Nothing to do, by an event that is about to be appended.
    UnchangedAfter(Pending),
    /// Events to append.
    Append { pending: Pending, created: bool },
}

/// An event among those to append.
#[derive(Clone, Copy)]
struct Pending {
    /// In which append.
    append: usize,
    /// How many of the append's events come up to it.
    events: usize,
}

/// What items are decided on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Basis {
    /// That their aggregates do not exist. Only an append proves it right.
    Guess,
    /// Their heads.
    Heads,
}

/// What is to be appended, one append per aggregate. Had each item one of its
/// own, a later one could find the version it expects although the one it was
/// decided on met a conflict.
#[derive(Default)]
struct Appends<'k> {
    all: Vec<Append>,
    of: HashMap<&'k Key, usize>,
    events: usize,
    bytes: usize,
}

impl<'k> Appends<'k> {
    /// The last event to append to an aggregate.
    fn pending(&self, key: &Key) -> Option<Pending> {
        let append = *self.of.get(key)?;
        let events = self.all.get(append)?.events.len();
        Some(Pending { append, events })
    }

    /// Whether they fill a commit.
    fn is_full(&self) -> bool {
        self.events >= MAX_EVENTS || self.bytes >= MAX_BYTES
    }

    fn add(&mut self, key: &'k Key, new: Append) -> Pending {
        self.events += new.events.len();
        self.bytes += new.events.iter().map(|e| e.data.get().len()).sum::<usize>();
        let append = *self.of.entry(key).or_insert(self.all.len());
        let events = match self.all.get_mut(append) {
            Some(earlier) => {
                if let (Some(earlier), Some(new)) = (&mut earlier.head, new.head) {
                    earlier.state = new.state;
                }
                earlier.events.extend(new.events);
                earlier.events.len()
            }
            None => {
                let events = new.events.len();
                self.all.push(new);
                events
            }
        };
        Pending { append, events }
    }
}

/// Carries out commands, each on its own: one that a rule refuses does not
/// keep the others back. Commands on the same aggregate happen in the order
/// given. Results are in the order given, and on disk.
///
/// # Errors
/// After an error any of the commands may have happened. Repeating all of them
/// is safe: what happened is then `Unchanged`.
pub(crate) async fn execute<A: Kept>(
    on: &Commands,
    services: &A::Services,
    context: &Context,
    commands: Vec<(Subject, A::Command)>,
) -> Result<Results<A>, CommandError> {
    execute_on::<A>(on, services, context, commands, A::MOSTLY_NEW).await
}

/// As [`execute`]; `mostly_new` says of these commands what
/// [`Kept::MOSTLY_NEW`] says of most.
///
/// # Errors
/// As [`execute`].
pub(crate) async fn execute_on<A: Kept>(
    on: &Commands,
    services: &A::Services,
    context: &Context,
    commands: Vec<(Subject, A::Command)>,
    mostly_new: bool,
) -> Result<Results<A>, CommandError> {
    let metadata = context.metadata();
    let count = commands.len();
    let mut by_partition: BTreeMap<Partition, Vec<Item<A>>> = BTreeMap::new();
    for (index, (subject, command)) in commands.into_iter().enumerate() {
        let key = key_of(&on.log, &subject);
        let items = by_partition.entry(key.partition).or_default();
        items.push(Item {
            index,
            key,
            command,
        });
    }
    let runs = by_partition.into_iter().map(|(partition, items)| {
        let run = Run {
            log: &on.log,
            turns: &on.turns,
            services,
            metadata: &metadata,
            partition,
            mostly_new,
        };
        run.all(items)
    });
    let mut results: Vec<_> = (0..count).map(|_| None).collect();
    for (index, result) in try_join_all(runs).await?.into_iter().flatten() {
        results[index] = Some(result);
    }
    // Every index went into one partition's run, and each run answers for all
    // of its items.
    Ok(results.into_iter().flatten().collect())
}

/// Carries out one command.
///
/// # Errors
/// As [`execute`].
pub(crate) async fn execute_one<A: Kept>(
    on: &Commands,
    services: &A::Services,
    context: &Context,
    subject: Subject,
    command: A::Command,
) -> Result<Result<Outcome, A::Error>, CommandError> {
    let name = subject.to_string();
    let mut results = execute::<A>(on, services, context, vec![(subject, command)]).await?;
    // One command has one result.
    results.pop().ok_or(CommandError::Contended(name))
}

type Indexed<A> = Vec<(usize, Result<Outcome, <A as cqrs_es::Aggregate>::Error>)>;

/// The commands of one partition, under way.
struct Run<'a, A: Kept> {
    log: &'a Log,
    turns: &'a Turns,
    services: &'a A::Services,
    metadata: &'a Arc<str>,
    partition: Partition,
    /// Whether to guess first that nothing exists.
    mostly_new: bool,
}

impl<A: Kept> Run<'_, A> {
    /// All items, again and again until none meets a conflict.
    async fn all(self, items: Vec<Item<A>>) -> Result<Indexed<A>, CommandError> {
        let mut done = Vec::with_capacity(items.len());
        let (contended, mut items) = self.turns.contended(items, |item| &item.key);
        if self.mostly_new {
            items = self.round(items, Basis::Guess, &mut done).await?;
        }
        items = self.round(items, Basis::Heads, &mut done).await?;
        items.extend(contended);
        if !items.is_empty() {
            self.in_turn(items, &mut done).await?;
        }
        Ok(done)
    }

    /// Items that others of this process or of another one contend for. Within
    /// a process one goes after the other; among processes, one of them gets on
    /// with each attempt.
    async fn in_turn(
        &self,
        mut items: Vec<Item<A>>,
        done: &mut Indexed<A>,
    ) -> Result<(), CommandError> {
        let deadline = Instant::now() + PATIENCE;
        let turn = self.turns.take(items.iter().map(|item| &item.key));
        let contended = |items: &[Item<A>]| {
            let key = items.first().map(|item| item.key.to_string());
            Err(CommandError::Contended(key.unwrap_or_default()))
        };
        let Ok(_turn) = timeout_at(deadline, turn).await else {
            return contended(&items);
        };
        for attempt in 1.. {
            items = self.round(items, Basis::Heads, done).await?;
            let Some(item) = items.first() else {
                break;
            };
            // An append is never given up while it is under way.
            if Instant::now() >= deadline {
                return contended(&items);
            }
            tracing::debug!(key = %item.key, attempt, conflicts = items.len(), "deciding again");
            pause(attempt).await;
        }
        Ok(())
    }

    /// Decides all items once, commit by commit. Moves what is certain then
    /// into `done`; returns what must be decided again.
    async fn round(
        &self,
        items: Vec<Item<A>>,
        basis: Basis,
        done: &mut Indexed<A>,
    ) -> Result<Vec<Item<A>>, CommandError> {
        let (mut again, mut later) = (Vec::new(), items);
        while !later.is_empty() {
            let rest = self.once(later, basis, done, &mut again).await?;
            // Commands on one aggregate keep their order: behind one that is
            // decided again, the others wait.
            let behind: HashSet<Key> = again.iter().map(|item| item.key.clone()).collect();
            let (waiting, rest) = rest.into_iter().partition(|i| behind.contains(&i.key));
            again.extend::<Vec<_>>(waiting);
            later = rest;
        }
        Ok(again)
    }

    /// Decides items until a commit is full and appends it. Moves what is
    /// certain then into `done`, what must be decided again into `again`;
    /// returns the items that were not decided.
    async fn once(
        &self,
        mut items: Vec<Item<A>>,
        basis: Basis,
        done: &mut Indexed<A>,
        again: &mut Vec<Item<A>>,
    ) -> Result<Vec<Item<A>>, CommandError> {
        let loaded = match basis {
            Basis::Guess => absent(&items),
            Basis::Heads => self.load(&items).await?,
        };
        let (decided, appends) = self.decide(&items, loaded).await;
        let sizes: Vec<usize> = appends.iter().map(|append| append.events.len()).collect();
        let appended = match appends.is_empty() {
            true => Vec::new(),
            false => {
                let metadata = self.metadata.clone();
                self.log.append(self.partition, metadata, appends).await?
            }
        };
        let place = |pending: Pending| match appended.get(pending.append) {
            Some(Appended::At(last)) => {
                let after = sizes[pending.append] - pending.events;
                let number = last.number - after as u64;
                Some(Position { number, ..*last })
            }
            Some(Appended::Conflict { .. }) | None => None,
        };
        let rest = items.split_off(decided.len());
        for (item, decided) in items.into_iter().zip(decided) {
            match self.settle(decided, basis, place) {
                Some(result) => done.push((item.index, result)),
                None => again.push(item),
            }
        }
        Ok(rest)
    }

    async fn load(&self, items: &[Item<A>]) -> Result<HashMap<Key, Loaded<A>>, CommandError> {
        let distinct: HashSet<&Key> = items.iter().map(|item| &item.key).collect();
        let keys: Vec<&Key> = distinct.into_iter().collect();
        let loaded = load_in(self.log, self.partition, &keys).await?;
        Ok(keys.into_iter().cloned().zip(loaded).collect())
    }

    /// Decides items in order, each on the state that those before it leave,
    /// until a commit is full.
    async fn decide(
        &self,
        items: &[Item<A>],
        mut loaded: HashMap<Key, Loaded<A>>,
    ) -> (Vec<Decided<A::Error>>, Vec<Append>) {
        let mut appends = Appends::default();
        let mut decided = Vec::with_capacity(items.len());
        for item in items {
            if appends.is_full() {
                break;
            }
            let Some(current) = loaded.get_mut(&item.key) else {
                continue; // There is one for every item's key.
            };
            let command = item.command.clone();
            let handled = handle(&mut current.aggregate, command, self.services).await;
            decided.push(match (handled, appends.pending(&item.key)) {
                (Err(refusal), after) => Decided::Refused(refusal, after),
                (Ok(events), Some(after)) if events.is_empty() => Decided::UnchangedAfter(after),
                (Ok(events), None) if events.is_empty() => {
                    Decided::Unchanged { last: current.last }
                }
                (Ok(events), _) => {
                    let created = current.version == 0;
                    let append = append(&item.key, current, &events);
                    let pending = appends.add(&item.key, append);
                    Decided::Append { pending, created }
                }
            });
        }
        (decided, appends.all)
    }

    /// What an item came to; `None` where its append met a conflict or where
    /// it was decided on no more than a guess.
    fn settle(
        &self,
        decided: Decided<A::Error>,
        basis: Basis,
        place: impl Fn(Pending) -> Option<Position>,
    ) -> Option<Result<Outcome, A::Error>> {
        let outcome = |change, position| Some(Ok(Outcome { change, position }));
        match decided {
            Decided::Append { pending, created } => {
                let change = match created {
                    true => Change::Created,
                    false => Change::Updated,
                };
                outcome(change, place(pending)?)
            }
            Decided::UnchangedAfter(pending) => outcome(Change::Unchanged, place(pending)?),
            _ if basis == Basis::Guess => None,
            Decided::Refused(refusal, None) => Some(Err(refusal)),
            Decided::Refused(refusal, Some(after)) => place(after).map(|_| Err(refusal)),
            Decided::Unchanged { last } => {
                let position = Position {
                    partition: self.partition,
                    number: last,
                };
                outcome(Change::Unchanged, position)
            }
        }
    }
}

/// As if none of the aggregates existed.
fn absent<A: Kept>(items: &[Item<A>]) -> HashMap<Key, Loaded<A>> {
    let keys = items.iter().map(|item| item.key.clone());
    keys.map(|key| (key, Loaded::absent())).collect()
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
pub(crate) fn append<A: Kept>(key: &Key, current: &mut Loaded<A>, events: &[A::Event]) -> Append {
    let expected = current.version;
    current.version += events.len() as u64;
    let event = |event: &A::Event| NewEvent {
        tag: event.tag(),
        data: event.data(),
    };
    Append {
        key: key.clone(),
        head: Some(NewHead {
            expected,
            last: current.last,
            fold: A::FOLD,
            state: state(&current.aggregate),
        }),
        events: events.iter().map(event).collect(),
    }
}

/// Full jitter over a doubling bound of 4 to 32 ms. No longer: it is one command
/// of each process that contends, and one that pauses loses to those that do not.
async fn pause(attempt: u32) {
    let bound = 2u64 << attempt.min(4);
    let millis = rand::random_range(0..=bound);
    tokio::time::sleep(Duration::from_millis(millis)).await;
}
