//! Operators' decisions about events that views could not fold.

use std::collections::HashSet;

use bson::{DateTime, doc};
use domain::Timestamp;
use eventlog::{Log, Partition, Position, Positions};
use futures::TryStreamExt;
use mongodb::Collection;
use mongodb::options::ReadConcern;
use serde::{Deserialize, Serialize};

use crate::runtime::date::date;
use crate::runtime::recorded::RecordedDecision;
use crate::runtime::store::{Store, stored_position};
use crate::runtime::writes::{DUPLICATE, failed_only_with};

/// An operator's decision about an event for a view, as stored in the
/// collection `quarantine_decisions`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct DecisionDocument {
    #[serde(rename = "_id")]
    id: String,
    view: String,
    partition: i32,
    number: i64,
    /// True for a skip: the view leaves out the event from now on. False for a
    /// retry.
    is_skip: bool,
    /// Number of the decision's event in the partition.
    decided: i64,
    decided_at: DateTime,
    /// Epoch of the log that contains both events.
    epoch: String,
}

impl DecisionDocument {
    /// Returns the position of the event that the decision is about.
    pub(crate) fn event(&self) -> Position {
        stored_position(self.partition, self.number)
    }
}

/// Bound of the decisions that apply.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// All decisions.
    Now,
    /// Decisions up to this number in the partition.
    Number(u64),
    /// Decisions recorded up to this instant.
    Instant(Timestamp),
}

/// Numbers of the events in a partition that a view skips.
#[derive(Debug, Clone, Default)]
pub(crate) struct SkippedEvents(HashSet<u64>);

impl SkippedEvents {
    pub(crate) fn contains(&self, number: u64) -> bool {
        self.0.contains(&number)
    }

    pub(crate) fn insert(&mut self, number: u64) {
        self.0.insert(number);
    }
}

impl Store {
    pub(crate) fn decisions(&self) -> Collection<DecisionDocument> {
        self.database().collection("quarantine_decisions")
    }

    /// Records a decision about an event for a view, before it is carried out.
    pub(crate) async fn record_decision(
        &self,
        log: &Log,
        view: &str,
        partition: Partition,
        decision: &RecordedDecision,
    ) -> Result<(), mongodb::error::Error> {
        let (epoch, decided) = (log.epoch(), decision.decided);
        let document = DecisionDocument {
            id: format!("{view}/{epoch}/{partition}:{decided}"),
            view: view.to_owned(),
            partition: i32::from(partition),
            number: decision.event as i64,
            is_skip: decision.is_skip(),
            decided: decided as i64,
            decided_at: date(decision.metadata.at),
            epoch: epoch.to_string(),
        };
        match self.decisions().insert_one(&document).await {
            Ok(_) => Ok(()),
            // Already recorded, by another generation of the view or before a
            // crash: the id depends only on view and decision.
            Err(error) if failed_only_with(&error, DUPLICATE) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Returns the events of a partition that a view skips.
    pub(crate) async fn skipped_in(
        &self,
        log: &Log,
        view: &str,
        partition: Partition,
        until: Until,
    ) -> Result<SkippedEvents, mongodb::error::Error> {
        let mut filter = doc! {
            "view": view,
            "epoch": &*log.epoch(),
            "partition": i32::from(partition),
            "is_skip": true,
        };
        match until {
            Until::Now => {}
            Until::Number(number) => {
                filter.insert("decided", doc! {"$lte": number as i64});
            }
            Until::Instant(at) => {
                filter.insert("decided_at", doc! {"$lte": date(at)});
            }
        }
        let collection = self.decisions();
        let skipped = collection.find(filter);
        let skipped = skipped.read_concern(ReadConcern::majority()).await?;
        let numbers = skipped.map_ok(|skipped| skipped.number as u64);
        numbers.try_collect().await.map(SkippedEvents)
    }

    /// Returns the decisions for a view in a partition whose numbers are after
    /// one number and up to another: the decision's number and the event that it
    /// is about, in ascending order.
    pub(crate) async fn decided_within(
        &self,
        epoch: &str,
        view: &str,
        partition: Partition,
        (after, end): (i64, i64),
    ) -> Result<Vec<(i64, Position)>, mongodb::error::Error> {
        let filter = doc! {
            "view": view,
            "epoch": epoch,
            "partition": i32::from(partition),
            "decided": {"$gt": after, "$lte": end},
        };
        let collection = self.decisions();
        let decisions = collection.find(filter).sort(doc! {"decided": 1}).await?;
        let numbered = |decision: DecisionDocument| (decision.decided, decision.event());
        decisions.map_ok(numbered).try_collect().await
    }

    /// Returns the events up to these positions that an operator decided about,
    /// for this view and after these positions.
    pub(crate) async fn decided_since(
        &self,
        log: &Log,
        view: &str,
        positions: &Positions,
    ) -> Result<Vec<Position>, mongodb::error::Error> {
        let filter = doc! {"view": view, "epoch": &*log.epoch()};
        let decisions = self.decisions().find(filter).await?;
        let decisions: Vec<DecisionDocument> = decisions.try_collect().await?;
        let events = decisions.iter().filter_map(|decision| {
            let event = decision.event();
            let then = positions.number(event.partition);
            let is_since = event.number <= then && decision.decided as u64 > then;
            is_since.then_some(event)
        });
        Ok(events.collect())
    }
}
