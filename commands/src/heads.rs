//! Aggregates and the heads that store their state.

use std::collections::BTreeMap;

use cqrs_es::Aggregate;
use domain::{
    Activity, Address, AddressId, ApiKey, Campaign, Claim, Consent, ConsentWarning, Customer,
    DecodeError, Demo, Import, ImportId, KeyId, LogPosition, LoggedEvent, Merges, Message,
    Metadata, Order, Quarantine, Segment, SegmentId, Subject, User, UserId, ViewName, ViewRequests,
};
use eventlog::{Entry, Head, Key, Log, Partition, Position};
use futures::future::try_join_all;

use crate::CommandError;

/// Aggregate whose folded state is stored in a head.
pub trait HeadAggregate: Aggregate<Event: LoggedEvent, Command: Clone> + Clone {
    /// Version of the fold. Raise it when `apply` or the form of the state
    /// changes: older heads are then folded again from their events and
    /// rewritten.
    const FOLD: u32;

    /// True if most commands create their aggregate. Such commands are first
    /// decided as if no aggregate existed, without reading heads; the append
    /// checks versions and so detects the aggregates that exist.
    const MOSTLY_NEW: bool = false;

    /// Returns what the aggregate's addresses have to know of it; `None` for
    /// aggregates without addresses.
    fn consent(&self) -> Option<Consent> {
        None
    }

    /// Returns whether the aggregate is a customer who consented to messages as this
    /// command, which was executed, says.
    fn has_consented(&self, _: &Self::Command) -> bool {
        false
    }

    /// Returns whether the command has an older version of the aggregate than
    /// the recorded one, by the time of its source. Such a command changes
    /// nothing, except that an opt-out of a customer counts.
    fn is_stale(&self, _: &Self::Command) -> bool {
        false
    }

    /// Returns whether the aggregate was moved away, so that the command changes
    /// nothing.
    fn is_moved(&self, _: &Self::Command) -> bool {
        false
    }

    /// Returns the reason why what the command says about consent has no effect, if
    /// that is so.
    fn consent_warning(&self, _: &Self::Command) -> Option<ConsentWarning> {
        None
    }

    /// Applies an event of the log. `meta` is its metadata, as JSON.
    fn apply_recorded(&mut self, event: Self::Event, _meta: &str) {
        self.apply(event);
    }
}

impl HeadAggregate for Customer {
    const FOLD: u32 = 3;

    fn consent(&self) -> Option<Consent> {
        Some(Customer::consent(self))
    }

    fn has_consented(&self, command: &Self::Command) -> bool {
        Customer::has_consented(self, command)
    }

    fn is_stale(&self, command: &Self::Command) -> bool {
        Customer::is_stale(self, command)
    }

    fn consent_warning(&self, command: &Self::Command) -> Option<ConsentWarning> {
        Customer::consent_warning(self, command)
    }

    fn apply_recorded(&mut self, event: Self::Event, meta: &str) {
        Customer::apply_recorded(self, event, || {
            // All programs write metadata of this form; without it the time is unknown.
            let metadata = serde_json::from_str::<Metadata>(meta);
            metadata.ok().map(|metadata| metadata.at)
        });
    }
}

/// Id of an aggregate whose commands concern it alone.
///
/// Commands on campaigns also hold and release segments, so campaigns have
/// [`Commands::execute_on_campaign`](crate::Commands::execute_on_campaign).
pub trait AggregateId {
    /// Aggregate that has the id.
    type Aggregate: HeadAggregate<Services = ()>;

    /// Returns the subject of the aggregate's events.
    fn into_subject(self) -> Subject;
}

macro_rules! aggregate_ids {
    ($($id:ty => $subject:ident($aggregate:ident);)*) => {$(
        impl AggregateId for $id {
            type Aggregate = $aggregate;

            fn into_subject(self) -> Subject {
                Subject::$subject(self)
            }
        }
    )*};
}

aggregate_ids! {
    ViewName => View(ViewRequests);
    SegmentId => Segment(Segment);
    UserId => User(User);
    KeyId => ApiKey(ApiKey);
    LogPosition => Quarantine(Quarantine);
    ImportId => Import(Import);
    AddressId => Address(Address);
}

macro_rules! head_aggregates {
    ($(
        $aggregate:ident: fold $fold:literal
        $(, mostly new $mostly_new:literal)? $(, stale if $is_stale:path)?
        $(, moved if $is_moved:path)?;
    )*) => {$(
        impl HeadAggregate for $aggregate {
            const FOLD: u32 = $fold;
            $(const MOSTLY_NEW: bool = $mostly_new;)?
            $(fn is_stale(&self, command: &Self::Command) -> bool {
                $is_stale(self, command)
            })?
            $(fn is_moved(&self, command: &Self::Command) -> bool {
                $is_moved(self, command)
            })?
        }
    )*};
}

head_aggregates! {
    Address: fold 2;
    Claim: fold 1, mostly new true;
    Order: fold 2, mostly new true, stale if Order::is_stale, moved if Order::is_left_behind;
    Activity: fold 1, mostly new true, stale if Activity::is_stale;
    ViewRequests: fold 1;
    Campaign: fold 3;
    Message: fold 2;
    Segment: fold 1;
    User: fold 1;
    ApiKey: fold 1;
    Quarantine: fold 1;
    Demo: fold 1;
    Import: fold 2;
    Merges: fold 1;
}

/// Current state of an aggregate, on which commands are decided.
#[derive(Debug, Clone)]
pub(crate) struct Loaded<A> {
    /// Number of events of the aggregate.
    pub(crate) version: u64,
    /// Number of the last event within its partition; 0 if there is none.
    pub(crate) last: u64,
    /// State of the aggregate.
    pub(crate) aggregate: A,
}

impl<A: HeadAggregate> Loaded<A> {
    /// Returns the state of an aggregate that does not exist.
    pub(crate) fn absent() -> Self {
        Self {
            version: 0,
            last: 0,
            aggregate: A::default(),
        }
    }

    /// Returns the position of the last event.
    pub(crate) fn position(&self, key: &Key) -> Position {
        Position {
            partition: key.partition,
            number: self.last,
        }
    }

    /// Reads a head; `None` if its state is of another fold version or cannot
    /// be read.
    fn from_head(head: &Head) -> Option<Self> {
        if head.fold != A::FOLD {
            return None;
        }
        Some(Self {
            version: head.version,
            last: head.last,
            aggregate: serde_json::from_str(&head.state).ok()?,
        })
    }

    /// Folds the state from the events alone, except for those that an operator
    /// has skipped.
    async fn refold(log: &Log, key: &Key, history: &[Entry]) -> Result<Self, CommandError> {
        let mut aggregate = A::default();
        for entry in history {
            match decode::<A>(entry) {
                Ok(event) => aggregate.apply_recorded(event, &entry.meta),
                Err(_) if is_skipped(log, entry.position).await? => {}
                Err(source) => return Err(unreadable(key, source)),
            }
        }
        let last = history.last();
        Ok(Self {
            version: last.map_or(0, |entry| entry.version),
            last: last.map_or(0, |entry| entry.position.number),
            aggregate,
        })
    }

    /// Returns a head that holds this state.
    fn to_head(&self) -> Head {
        Head {
            version: self.version,
            last: self.last,
            fold: A::FOLD,
            state: state(&self.aggregate),
        }
    }
}

/// Returns the key of an aggregate.
pub(crate) fn key_of(log: &Log, subject: &Subject) -> Key {
    let (layout, text) = (log.layout(), subject.to_string());
    match subject.partition() {
        Some(partition) => layout.key_in(text, partition),
        None => layout.key(text, subject.route()),
    }
}

/// Number of outdated heads that are folded from their events at once.
const REFOLDS: usize = 500;

/// Returns the current state of aggregates of one partition, in the order of
/// `keys`. The states of heads of another fold version, or with an unreadable
/// state, are folded again from the events and written back.
pub(crate) async fn load_in<A: HeadAggregate>(
    log: &Log,
    partition: Partition,
    keys: &[&Key],
) -> Result<Vec<Loaded<A>>, CommandError> {
    let heads = log.heads(partition, keys).await?;
    let mut outdated: Vec<(usize, &Key, Head)> = Vec::new();
    let mut loaded = Vec::with_capacity(keys.len());
    for (place, (key, head)) in keys.iter().zip(heads).enumerate() {
        let current = match &head {
            None => Some(Loaded::absent()),
            Some(head) => Loaded::from_head(head),
        };
        if let (None, Some(head)) = (&current, head) {
            outdated.push((place, key, head));
        }
        loaded.push(current.unwrap_or_else(Loaded::absent));
    }
    for some in outdated.chunks(REFOLDS) {
        let of: Vec<(&Key, u64)> = some
            .iter()
            .map(|(_, key, head)| (*key, head.last))
            .collect();
        let histories = log.histories(partition, &of).await?;
        let mut rewritten = Vec::with_capacity(some.len());
        for ((place, key, _), history) in some.iter().zip(histories) {
            let current = Loaded::refold(log, key, &history).await?;
            rewritten.push((*key, current.to_head()));
            loaded[*place] = current;
        }
        tracing::debug!(
            partition,
            heads = rewritten.len(),
            "refolded heads of another fold version"
        );
        // Writing back saves work only: if Redis is short of memory, these
        // heads are folded again next time.
        if let Err(error) = log.rewrite_heads(partition, &rewritten).await {
            tracing::warn!(partition, %error, "failed to write back refolded heads");
        }
    }
    Ok(loaded)
}

/// Returns whether an operator has skipped an event.
pub(crate) async fn is_skipped(log: &Log, at: Position) -> Result<bool, CommandError> {
    let subject = Subject::Quarantine(LogPosition::new(at.partition, at.number));
    let key = key_of(log, &subject);
    // `load_in` calls this function, so it cannot be used here.
    let head = log.heads(key.partition, &[&key]).await?.pop().flatten();
    let state = head.and_then(|head| serde_json::from_str::<Quarantine>(&head.state).ok());
    Ok(state.is_some_and(|state| state.is_skipped()))
}

/// Returns the current state of aggregates, read from their heads, in the order
/// of `subjects`. Reads all partitions concurrently.
pub(crate) async fn load_all<A: HeadAggregate>(
    log: &Log,
    subjects: impl Iterator<Item = Subject>,
) -> Result<Vec<Loaded<A>>, CommandError> {
    let keys: Vec<Key> = subjects.map(|subject| key_of(log, &subject)).collect();
    let mut places: BTreeMap<Partition, Vec<usize>> = BTreeMap::new();
    for (place, key) in keys.iter().enumerate() {
        places.entry(key.partition).or_default().push(place);
    }
    let reads = places.iter().map(async |(partition, places)| {
        let keys: Vec<&Key> = places.iter().map(|place| &keys[*place]).collect();
        load_in::<A>(log, *partition, &keys).await
    });
    let read = try_join_all(reads).await?;
    let mut loaded = vec![Loaded::absent(); keys.len()];
    let places = places.into_values().flatten();
    for (place, one) in places.zip(read.into_iter().flatten()) {
        loaded[place] = one;
    }
    Ok(loaded)
}

/// Returns whether an aggregate has events.
pub(crate) async fn exists(log: &Log, subject: &Subject) -> Result<bool, CommandError> {
    let key = key_of(log, subject);
    let head = log.heads(key.partition, &[&key]).await?.pop().flatten();
    Ok(head.is_some())
}

/// Returns the current state of an aggregate from its head; `None` if it has no
/// events.
pub(crate) async fn current<A: HeadAggregate>(
    log: &Log,
    subject: &Subject,
) -> Result<Option<A>, CommandError> {
    let key = key_of(log, subject);
    let loaded = load_one::<A>(log, &key).await?;
    Ok((loaded.version > 0).then_some(loaded.aggregate))
}

/// Returns the current state of one aggregate.
pub(crate) async fn load_one<A: HeadAggregate>(
    log: &Log,
    key: &Key,
) -> Result<Loaded<A>, CommandError> {
    let loaded = load_in(log, key.partition, &[key]).await?.pop();
    Ok(loaded.unwrap_or_else(Loaded::absent))
}

pub(crate) fn decode<A: HeadAggregate>(entry: &Entry) -> Result<A::Event, DecodeError> {
    A::Event::decode(&entry.tag, &entry.data)
}

pub(crate) fn unreadable(key: &Key, source: DecodeError) -> CommandError {
    CommandError::Unreadable {
        key: key.to_string(),
        source,
    }
}

/// Returns a state in the form that its head stores.
pub(crate) fn state<A: HeadAggregate>(aggregate: &A) -> String {
    // States are structs of numbers and strings, whose JSON form never fails.
    serde_json::to_string(aggregate).unwrap_or_default()
}
