//! Event store of `cqrs_es` on top of the log.

use std::collections::HashMap;

use cqrs_es::{Aggregate, AggregateContext, AggregateError, EventEnvelope, EventStore};
use domain::{Metadata, Subject};
use eventlog::{Appended, Key, Log};

use crate::CommandError;
use crate::heads::{HeadAggregate, Loaded, decode, load_one, unreadable};
use crate::run::append;

/// Implementation of [`EventStore`] on top of the log. The id of an aggregate
/// is its key in the log: `order/c-1/o-17`.
#[derive(Clone)]
pub struct LogStore {
    log: Log,
}

/// State of an aggregate when it was loaded.
#[derive(Debug, Clone)]
pub struct LogContext<A> {
    key: Key,
    loaded: Loaded<A>,
    /// State that commands are decided on. Deciding applies the new events to
    /// it, so it is ahead of `loaded` by the events that are still to be
    /// committed.
    decided: A,
}

/// Reason why an operation of the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The id is not the key of an aggregate.
    #[error(transparent)]
    Key(#[from] domain::SubjectError),
    /// The metadata does not decode as [`Metadata`], which readers of the log
    /// need.
    #[error("the metadata is not valid event metadata: {0}")]
    Metadata(serde_json::Error),
    /// The log did not answer, or its events cannot be decoded.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl LogStore {
    /// Returns a store on this log.
    pub fn new(log: Log) -> Self {
        Self { log }
    }

    fn key(&self, id: &str) -> Result<Key, StoreError> {
        let subject = Subject::parse(id)?;
        Ok(self.log.layout().key(id.to_owned(), subject.route()))
    }

    async fn events<A: HeadAggregate>(
        &self,
        id: &str,
    ) -> Result<Vec<EventEnvelope<A>>, StoreError> {
        let key = self.key(id)?;
        let history = self.log.history(&key).await.map_err(CommandError::from)?;
        let mut events = Vec::with_capacity(history.len());
        for entry in history {
            events.push(EventEnvelope {
                aggregate_id: id.to_owned(),
                sequence: usize::try_from(entry.version).unwrap_or(usize::MAX),
                payload: decode::<A>(&entry).map_err(|source| unreadable(&key, source))?,
                metadata: serde_json::from_str(&entry.meta).unwrap_or_default(),
            });
        }
        Ok(events)
    }

    async fn aggregate<A: HeadAggregate>(&self, id: &str) -> Result<LogContext<A>, StoreError> {
        let key = self.key(id)?;
        let loaded = load_one::<A>(&self.log, &key).await?;
        let decided = loaded.aggregate.clone();
        Ok(LogContext {
            key,
            loaded,
            decided,
        })
    }

    async fn append<A: HeadAggregate>(
        &self,
        events: &[A::Event],
        mut context: LogContext<A>,
        metadata: &HashMap<String, String>,
    ) -> Result<Option<Vec<EventEnvelope<A>>>, StoreError> {
        let before = context.loaded.version;
        for event in events {
            context.loaded.aggregate.apply(event.clone());
        }
        // Serializing a map of strings to JSON cannot fail.
        let meta = serde_json::to_string(metadata).unwrap_or_default();
        // Checked before the append, since an event with unreadable metadata
        // could not be removed from the log.
        serde_json::from_str::<Metadata>(&meta).map_err(StoreError::Metadata)?;
        let item = append(&context.key, &mut context.loaded, events);
        let partition = context.key.partition;
        let appended = self.log.append(partition, meta.into(), vec![item]).await;
        match appended.map_err(CommandError::from)?.pop() {
            Some(Appended::At(_)) => {}
            Some(Appended::Conflict { .. }) | None => return Ok(None),
        }
        let envelope = |(event, version): (&A::Event, u64)| EventEnvelope {
            aggregate_id: context.key.to_string(),
            sequence: usize::try_from(version).unwrap_or(usize::MAX),
            payload: event.clone(),
            metadata: metadata.clone(),
        };
        Ok(Some(
            events.iter().zip(before + 1..).map(envelope).collect(),
        ))
    }
}

impl<A: HeadAggregate> AggregateContext<A> for LogContext<A> {
    fn aggregate(&mut self) -> &mut A {
        &mut self.decided
    }
}

impl<A: HeadAggregate> EventStore<A> for LogStore {
    type AC = LogContext<A>;

    async fn load_events(
        &self,
        aggregate_id: &str,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        self.events(aggregate_id).await.map_err(outer::<A>)
    }

    async fn load_aggregate(
        &self,
        aggregate_id: &str,
    ) -> Result<LogContext<A>, AggregateError<A::Error>> {
        self.aggregate(aggregate_id).await.map_err(outer::<A>)
    }

    async fn commit(
        &self,
        events: Vec<A::Event>,
        context: LogContext<A>,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let appended = self.append(&events, context, &metadata).await;
        appended
            .map_err(outer::<A>)?
            .ok_or(AggregateError::AggregateConflict)
    }
}

fn outer<A: Aggregate>(error: StoreError) -> AggregateError<A::Error> {
    match error {
        StoreError::Command(CommandError::Unreadable { .. }) => {
            AggregateError::DeserializationError(Box::new(error))
        }
        StoreError::Command(CommandError::Log(_)) => {
            AggregateError::DatabaseConnectionError(Box::new(error))
        }
        _ => AggregateError::UnexpectedError(Box::new(error)),
    }
}
