//! Followers of the ends of all partitions.

use std::time::Duration;

use redis::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::connection::Connection;
use crate::{Log, LogError, Partition, Position};

/// Longest duration of one blocking read.
const WAIT: Duration = Duration::from_secs(2);

/// Delay before reconnecting after a failure.
const PAUSE: Duration = Duration::from_millis(500);

/// Last event number of each partition, kept up to date by one task per partition. The
/// tasks stop when this is dropped.
pub struct Tails {
    ends: Vec<watch::Receiver<u64>>,
    _tasks: JoinSet<()>,
}

impl Log {
    /// Starts to follow the ends of all partitions.
    pub fn tails(&self) -> Tails {
        let mut tasks = JoinSet::new();
        let ends = self
            .partitions()
            .map(|partition| {
                let (sender, receiver) = watch::channel(0);
                tasks.spawn(follow(self.clone(), partition, sender));
                receiver
            })
            .collect();
        Tails {
            ends,
            _tasks: tasks,
        }
    }
}

impl Tails {
    /// Returns a receiver of a partition's last event number; 0 until it is known.
    /// `None` if there is no such partition.
    pub fn of(&self, partition: Partition) -> Option<watch::Receiver<u64>> {
        self.ends.get(usize::from(partition)).cloned()
    }
}

async fn follow(log: Log, partition: Partition, end: watch::Sender<u64>) {
    while !end.is_closed() {
        if let Err(error) = follow_connected(&log, partition, &end).await {
            tracing::warn!(partition, %error, "cannot follow the end of a partition, trying again");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn follow_connected(
    log: &Log,
    partition: Partition,
    end: &watch::Sender<u64>,
) -> Result<(), LogError> {
    // A separate connection, since a blocking command stops all others on it.
    let mut blocking = log.server().connect_blocking(WAIT).await?;
    while !end.is_closed() {
        // The counter decides, not the stream: the blocking read only wakes this loop, so
        // an end that moved between the two commands is not missed.
        let known = *end.borrow();
        let now = log.last(partition).await?.number;
        if now != known {
            end.send_replace(now);
            continue;
        }
        let here = Position {
            partition,
            number: known,
        };
        wait_beyond(log, &mut blocking, here).await?;
    }
    Ok(())
}

async fn wait_beyond(
    log: &Log,
    connection: &mut Connection,
    here: Position,
) -> Result<(), LogError> {
    let _: Value = redis::cmd("XREAD")
        .arg("COUNT")
        .arg(1)
        .arg("BLOCK")
        .arg(WAIT.as_millis() as u64)
        .arg("STREAMS")
        .arg(log.layout().stream(here.partition))
        // Greater than the id of the commit that ends here, whatever its number of
        // events.
        .arg(format!("{}-{}", here.number, u64::MAX))
        .query_async(connection)
        .await?;
    Ok(())
}
