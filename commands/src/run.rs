//! Execution of one partition's commands: load, decide, append, and retry on
//! conflict.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use domain::{AddressCommand, AddressId, ConsentWarning, LoggedEvent, Subject};
use eventlog::{Append, Appended, Key, Log, NewEvent, NewHead, Partition, Position};
use futures::future::BoxFuture;
use tokio::time::{Instant, timeout_at};

use crate::CommandError;
use crate::heads::{HeadAggregate, Loaded, load_in, state};
use crate::turns::Turns;

/// Time limit for commands that met a conflict: they wait for their turn and
/// are decided again until then. Shorter than the time limit of any request.
const PATIENCE: Duration = Duration::from_secs(20);

/// A commit with this many events or bytes is full; later commands go into
/// another commit.
const MAX_EVENTS: usize = 1_000;
const MAX_BYTES: usize = 1 << 20;

/// Effect of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandEffect {
    /// The aggregate is new.
    Created,
    /// The aggregate has new events.
    Updated,
    /// No change was necessary.
    Unchanged,
    /// The command had an older version of the aggregate than the recorded one,
    /// and changed nothing. An older version that opted a customer out is `Updated`.
    Stale,
    /// The aggregate was moved to another customer, and the command changed
    /// nothing.
    Moved,
}

/// Outcome of a command, and the position in the log that shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Effect of the command.
    pub effect: CommandEffect,
    /// Position of the aggregate's last event.
    pub position: Position,
    /// Reason why what a customer's data says about consent had no effect; `None` if it
    /// had, or says nothing.
    pub warning: Option<ConsentWarning>,
}

/// A command of a batch that has no result yet.
pub(crate) struct BatchItem<A: HeadAggregate> {
    pub(crate) index: usize,
    pub(crate) key: Key,
    pub(crate) command: A::Command,
    /// Addresses that an earlier attempt, which met a conflict, told that the
    /// customer opted out, each with the customer's version then.
    pub(crate) told: Vec<(AddressId, u64)>,
}

/// Executes the commands on addresses that a customer's events require, before or
/// after these events are appended.
pub(crate) type OnAddresses<'a> =
    dyn Fn(AddressCommands) -> BoxFuture<'a, Result<(), CommandError>> + Send + Sync + 'a;

/// Commands on addresses, each with its address.
pub(crate) type AddressCommands = Vec<(AddressId, AddressCommand)>;

/// Command on an address that an item requires.
struct Required {
    /// Place of the item.
    item: usize,
    address: AddressId,
    command: AddressCommand,
}

/// Decision about an item whose append is not known to have succeeded yet.
enum Decided<E> {
    /// A rule rejects the command, possibly because of an event that is still
    /// to be appended.
    Refused(E, Option<Pending>),
    /// No change is made, given the aggregate's last event in the log.
    NoChange { effect: CommandEffect, last: u64 },
    /// No change is made, given an event that is still to be appended.
    NoChangeAfter {
        effect: CommandEffect,
        after: Pending,
    },
    /// Events to append.
    Append { pending: Pending, created: bool },
}

/// Decision about an item, and what its client is warned of.
type Warned<E> = (Decided<E>, Option<ConsentWarning>);

/// Decisions about the first items, until a commit is full.
struct Decisions<E> {
    decided: Vec<Warned<E>>,
    appends: Vec<Append>,
    /// To be executed before the events are appended.
    before: Vec<Required>,
    /// To be executed once the result of its item is certain.
    after: Vec<Required>,
}

/// An event among those to append.
#[derive(Clone, Copy)]
struct Pending {
    /// Index of its append.
    append: usize,
    /// Number of the append's events up to and including this one.
    events: usize,
}

/// State that items are decided on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Basis {
    /// The assumption that their aggregates do not exist. Only a successful
    /// append proves it.
    Guess,
    /// The heads of their aggregates.
    Heads,
}

/// Events to append, one append per aggregate. With one append per item, a
/// later item could find the version it expects even though the item it was
/// decided on met a conflict.
#[derive(Default)]
struct Appends<'k> {
    all: Vec<Append>,
    of: HashMap<&'k Key, usize>,
    events: usize,
    bytes: usize,
}

impl<'k> Appends<'k> {
    /// Returns the last event that is to be appended to an aggregate.
    fn pending(&self, key: &Key) -> Option<Pending> {
        let append = *self.of.get(key)?;
        let events = self.all.get(append)?.events.len();
        Some(Pending { append, events })
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

/// Results with the indices of their items.
pub(crate) type Indexed<A> = Vec<(usize, Result<Outcome, <A as Aggregate>::Error>)>;

/// Execution of the commands of one partition.
pub(crate) struct PartitionRun<'a, A: HeadAggregate> {
    /// Executes the commands on addresses that items require.
    pub(crate) on_addresses: &'a OnAddresses<'a>,
    pub(crate) log: &'a Log,
    pub(crate) turns: &'a Turns,
    pub(crate) services: &'a A::Services,
    pub(crate) metadata: &'a Arc<str>,
    pub(crate) partition: Partition,
    /// True if no aggregate is assumed to exist at first.
    pub(crate) mostly_new: bool,
}

impl<A: HeadAggregate> PartitionRun<'_, A> {
    /// Decides all items, repeatedly until none meets a conflict.
    pub(crate) async fn all(self, items: Vec<BatchItem<A>>) -> Result<Indexed<A>, CommandError> {
        let mut done = Vec::with_capacity(items.len());
        // Items whose aggregates are contended already go straight to their
        // turn: deciding them now would most likely only cause another
        // conflict.
        let (contended, mut items) = self.turns.split_contended(items, |item| &item.key);
        // Items that the guess cannot settle are returned and decided on heads
        // next.
        if self.mostly_new {
            items = self.decide_all_once(items, Basis::Guess, &mut done).await?;
        }
        items = self.decide_all_once(items, Basis::Heads, &mut done).await?;
        items.extend(contended);
        if !items.is_empty() {
            self.run_in_turn(items, &mut done).await?;
        }
        Ok(done)
    }

    /// Decides items that other commands contend for, in this process or
    /// another. Within a process they take turns; among processes, each attempt
    /// lets at least one of them succeed.
    async fn run_in_turn(
        &self,
        mut items: Vec<BatchItem<A>>,
        done: &mut Indexed<A>,
    ) -> Result<(), CommandError> {
        let deadline = Instant::now() + PATIENCE;
        let turn = self.turns.acquire(items.iter().map(|item| &item.key));
        let contended = |items: &[BatchItem<A>]| {
            let key = items.first().map(|item| item.key.to_string());
            Err(CommandError::Contended(key.unwrap_or_default()))
        };
        let Ok(_turn) = timeout_at(deadline, turn).await else {
            return contended(&items);
        };
        for attempt in 1.. {
            items = self.decide_all_once(items, Basis::Heads, done).await?;
            let Some(item) = items.first() else {
                break;
            };
            // The deadline is checked between attempts only: an append in
            // flight is never abandoned, since its outcome would be unknown.
            if Instant::now() >= deadline {
                return contended(&items);
            }
            tracing::debug!(
                key = %item.key,
                attempt,
                conflicts = items.len(),
                "retrying after a conflict"
            );
            pause(attempt).await;
        }
        Ok(())
    }

    /// Decides all items once, commit by commit. Moves those whose result is
    /// certain into `done`, and returns those that must be decided again.
    async fn decide_all_once(
        &self,
        items: Vec<BatchItem<A>>,
        basis: Basis,
        done: &mut Indexed<A>,
    ) -> Result<Vec<BatchItem<A>>, CommandError> {
        let (mut again, mut later) = (Vec::new(), items);
        while !later.is_empty() {
            let rest = self.once(later, basis, done, &mut again).await?;
            // Commands on one aggregate keep their order: the items behind one
            // that must be decided again wait for it.
            let behind: HashSet<Key> = again.iter().map(|item| item.key.clone()).collect();
            let (waiting, rest) = rest.into_iter().partition(|i| behind.contains(&i.key));
            again.extend::<Vec<_>>(waiting);
            later = rest;
        }
        Ok(again)
    }

    /// Decides items until a commit is full, and appends it. Moves items whose
    /// result is certain into `done` and those that must be decided again into
    /// `again`. Returns the items that were not decided.
    async fn once(
        &self,
        mut items: Vec<BatchItem<A>>,
        basis: Basis,
        done: &mut Indexed<A>,
        again: &mut Vec<BatchItem<A>>,
    ) -> Result<Vec<BatchItem<A>>, CommandError> {
        let loaded = match basis {
            Basis::Guess => absent(&items),
            Basis::Heads => self.load(&items).await?,
        };
        let Decisions {
            decided,
            appends,
            before,
            mut after,
        } = self.decide(&items, loaded).await;
        for Required {
            item,
            address,
            command,
        } in &before
        {
            if let AddressCommand::Unsubscribe { version, .. } = command {
                items[*item].told.push((*address, *version));
            }
        }
        self.execute_on_addresses(before).await?;
        let sizes: Vec<usize> = appends.iter().map(|append| append.events.len()).collect();
        let appended = match appends.is_empty() {
            true => Vec::new(),
            false => {
                let metadata = self.metadata.clone();
                self.log.append(self.partition, metadata, appends).await?
            }
        };
        // An append is known by the position of its last event; the number of
        // an earlier event is counted back from there.
        let position_of = |pending: Pending| match appended.get(pending.append) {
            Some(Appended::At(last)) => {
                let after = sizes[pending.append] - pending.events;
                let number = last.number - after as u64;
                Some(Position { number, ..*last })
            }
            Some(Appended::Conflict { .. }) | None => None,
        };
        let rest = items.split_off(decided.len());
        for (place, (item, (decided, warning))) in items.into_iter().zip(decided).enumerate() {
            match self.settle(decided, basis, position_of) {
                Some(result) => {
                    let result = result.map(|outcome| Outcome { warning, ..outcome });
                    done.push((item.index, result));
                }
                None => {
                    after.retain(|one| one.item != place);
                    again.push(item);
                }
            }
        }
        self.execute_on_addresses(after).await?;
        Ok(rest)
    }

    async fn execute_on_addresses(&self, required: Vec<Required>) -> Result<(), CommandError> {
        if required.is_empty() {
            return Ok(());
        }
        let commands = required.into_iter().map(|one| (one.address, one.command));
        (self.on_addresses)(commands.collect()).await
    }

    async fn load(&self, items: &[BatchItem<A>]) -> Result<HashMap<Key, Loaded<A>>, CommandError> {
        let distinct: HashSet<&Key> = items.iter().map(|item| &item.key).collect();
        let keys: Vec<&Key> = distinct.into_iter().collect();
        let loaded = load_in(self.log, self.partition, &keys).await?;
        Ok(keys.into_iter().cloned().zip(loaded).collect())
    }

    /// Decides items in order, each on the state that the earlier items leave,
    /// until a commit is full.
    async fn decide(
        &self,
        items: &[BatchItem<A>],
        mut loaded: HashMap<Key, Loaded<A>>,
    ) -> Decisions<A::Error> {
        let mut appends = Appends::default();
        let mut decided = Vec::with_capacity(items.len());
        let (mut before_all, mut after_all) = (Vec::new(), Vec::new());
        for (place, item) in items.iter().enumerate() {
            if appends.events >= MAX_EVENTS || appends.bytes >= MAX_BYTES {
                break;
            }
            let Some(current) = loaded.get_mut(&item.key) else {
                continue; // `load` and `absent` cover every item's key.
            };
            let command = item.command.clone();
            let (before, version) = (current.aggregate.consent(), current.version);
            // Events of the command may change the answer, so before them.
            let (is_moved, is_stale) = (
                current.aggregate.is_moved(&command),
                current.aggregate.is_stale(&command),
            );
            let effect = match (is_moved, is_stale) {
                (true, _) => CommandEffect::Moved,
                (false, true) => CommandEffect::Stale,
                (false, false) => CommandEffect::Unchanged,
            };
            let warning = current.aggregate.consent_warning(&command);
            let handled = handle(&mut current.aggregate, command, self.services).await;
            if let (Some(before), Some(after)) = (before, current.aggregate.consent()) {
                let is_consent = current.aggregate.has_consented(&item.command);
                let has_event = handled.as_ref().is_ok_and(|events| !events.is_empty());
                if (before != after || is_consent || !item.told.is_empty())
                    && let Ok(Subject::Customer(customer)) = Subject::parse(&item.key.text)
                {
                    let required = |(address, command)| Required {
                        item: place,
                        address,
                        command,
                    };
                    let told = before.required(after, &customer, version);
                    before_all.extend(told.into_iter().map(required));
                    // Without an event, an opt-out on the same version may be under way.
                    let lifted_until = match has_event {
                        true => Some(version),
                        false => version.checked_sub(1),
                    };
                    let lifted = lifted_until
                        .map(|version| before.lifted(after, is_consent, &customer, version));
                    let undone = after.undone(&item.told, &customer);
                    let lifted = lifted.into_iter().flatten().chain(undone);
                    after_all.extend(lifted.map(required));
                }
            }
            let decision = match (handled, appends.pending(&item.key)) {
                (Err(refusal), after) => Decided::Refused(refusal, after),
                (Ok(events), Some(after)) if events.is_empty() => {
                    Decided::NoChangeAfter { effect, after }
                }
                (Ok(events), None) if events.is_empty() => Decided::NoChange {
                    effect,
                    last: current.last,
                },
                (Ok(events), _) => {
                    let created = current.version == 0;
                    let append = append(&item.key, current, &events);
                    let pending = appends.add(&item.key, append);
                    Decided::Append { pending, created }
                }
            };
            decided.push((decision, warning));
        }
        Decisions {
            decided,
            appends: appends.all,
            before: before_all,
            after: after_all,
        }
    }

    /// Returns the result of an item; `None` if its append met a conflict, or
    /// if it was decided only on the guess that its aggregate does not exist.
    fn settle(
        &self,
        decided: Decided<A::Error>,
        basis: Basis,
        position_of: impl Fn(Pending) -> Option<Position>,
    ) -> Option<Result<Outcome, A::Error>> {
        let outcome = |effect, position| {
            Some(Ok(Outcome {
                effect,
                position,
                warning: None,
            }))
        };
        match decided {
            Decided::Append { pending, created } => {
                let effect = match created {
                    true => CommandEffect::Created,
                    false => CommandEffect::Updated,
                };
                outcome(effect, position_of(pending)?)
            }
            Decided::NoChangeAfter { effect, after } => outcome(effect, position_of(after)?),
            _ if basis == Basis::Guess => None,
            Decided::Refused(refusal, None) => Some(Err(refusal)),
            Decided::Refused(refusal, Some(after)) => position_of(after).map(|_| Err(refusal)),
            Decided::NoChange { effect, last } => {
                let position = Position {
                    partition: self.partition,
                    number: last,
                };
                outcome(effect, position)
            }
        }
    }
}

/// Returns state for the items as if none of their aggregates existed.
fn absent<A: HeadAggregate>(items: &[BatchItem<A>]) -> HashMap<Key, Loaded<A>> {
    let keys = items.iter().map(|item| item.key.clone());
    keys.map(|key| (key, Loaded::absent())).collect()
}

async fn handle<A: HeadAggregate>(
    aggregate: &mut A,
    command: A::Command,
    services: &A::Services,
) -> Result<Vec<A::Event>, A::Error> {
    let sink = EventSink::default();
    aggregate.handle(command, services, &sink).await?;
    Ok(sink.collect().await)
}

/// Builds the append of events that `current` has already applied, and advances
/// the version of `current` by them.
pub(crate) fn append<A: HeadAggregate>(
    key: &Key,
    current: &mut Loaded<A>,
    events: &[A::Event],
) -> Append {
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

/// Sleeps with full jitter up to a bound that doubles from 4 to 32 ms. The bound
/// stays low, since each process has at most one call that contends for an
/// aggregate: a call that pauses for longer loses to those that do not.
async fn pause(attempt: u32) {
    let bound = 2u64 << attempt.min(4);
    let millis = rand::random_range(0..=bound);
    tokio::time::sleep(Duration::from_millis(millis)).await;
}
