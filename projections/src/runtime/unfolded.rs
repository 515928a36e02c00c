//! The oldest event that a view has not folded, for readiness.

use std::collections::BTreeMap;

use domain::{DEMO_ACTOR, Timestamp};
use eventlog::{Log, LogError, Partition, Position};
use futures::{StreamExt, TryStreamExt, stream};

use crate::runtime::error::ProjectError;
use crate::runtime::recorded::EntryReader;
use crate::runtime::status::ViewStatus;
use crate::runtime::store::Store;

/// Number of events that are read at once. Each read fetches a commit, which
/// has up to 1 MiB.
const AT_ONCE: usize = 4;

/// Lag of the views.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfolded {
    /// Names of the views that lag.
    pub views: Vec<&'static str>,
    /// Time when the oldest event that one of them has not folded was recorded.
    /// If that event was trimmed, the time of the first event that is kept.
    pub since: Timestamp,
}

impl Store {
    /// Returns the lag of the serving generations; `None` if they have folded
    /// everything that the log keeps. Views without one, which a newer program
    /// builds from the log, do not lag. Reads at most one event per partition.
    ///
    /// # Errors
    /// If Redis or MongoDB does not answer, or such an event cannot be decoded.
    pub async fn unfolded(&self, log: &Log) -> Result<Option<Unfolded>, ProjectError> {
        let views = self.status(log).await?;
        let serving = views.iter().filter(|view| !view.is_unbuilt());
        let behind: Vec<_> = serving.filter(|view| view.lag() > 0).collect();
        let times = stream::iter(lowest(&behind))
            .map(|(partition, number)| recorded_at(log, Position { partition, number }))
            .buffer_unordered(AT_ONCE);
        let times: Vec<_> = times.try_collect().await?;
        let oldest = times.into_iter().flatten().min();
        Ok(oldest.map(|since| Unfolded {
            views: behind.iter().map(|view| view.name).collect(),
            since,
        }))
    }
}

/// Returns the lowest checkpoint of each partition in which a view lags.
fn lowest(behind: &[&ViewStatus]) -> BTreeMap<Partition, u64> {
    let mut lowest = BTreeMap::new();
    let partitions = behind.iter().flat_map(|view| &view.partitions);
    for reached in partitions.filter(|partition| partition.lag() > 0) {
        let Position { partition, number } = reached.position;
        let lowest = lowest.entry(partition).or_insert(number);
        *lowest = number.min(*lowest);
    }
    lowest
}

/// Returns the time when the event after a position was recorded; `None` if the
/// log has none, since it was trimmed to its end, and for an event of the demo
/// shop, whose time is made.
async fn recorded_at(log: &Log, after: Position) -> Result<Option<Timestamp>, ProjectError> {
    // Trimmed events have no age; the first event that is kept stands for them.
    let next = match log.read(after, 1).await {
        Err(LogError::Trimmed { floor }) => {
            let number = floor.number.saturating_sub(1);
            log.read(Position { number, ..floor }, 1).await?
        }
        read => read?,
    };
    let Some(entry) = next.into_iter().next() else {
        return Ok(None);
    };
    let position = entry.position;
    let metadata = EntryReader::default().metadata(entry.meta);
    let metadata = metadata.map_err(|error| LogError::Damaged {
        at: position,
        what: error.to_string(),
    })?;
    Ok((metadata.actor != DEMO_ACTOR).then_some(metadata.at))
}
