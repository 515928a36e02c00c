//! Following the ends of all partitions.

use std::time::Duration;

use redis::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::connection::Connection;
use crate::{Log, LogError, Partition, Position};

/// How long one blocking read waits before it asks again.
const WAIT: Duration = Duration::from_secs(2);

/// How long to let a Redis that is away come back.
const PAUSE: Duration = Duration::from_millis(500);

/// The last number of each partition, as it moves. Stops when dropped.
pub struct Tails {
    ends: Vec<watch::Receiver<u64>>,
    _tasks: JoinSet<()>,
}

impl Tails {
    pub(crate) fn start(log: Log) -> Self {
        let mut tasks = JoinSet::new();
        let ends = log
            .partitions()
            .map(|partition| {
                let (sender, receiver) = watch::channel(0);
                tasks.spawn(follow(log.clone(), partition, sender));
                receiver
            })
            .collect();
        Self {
            ends,
            _tasks: tasks,
        }
    }

    /// The last number of a partition; changes as events are appended.
    pub fn of(&self, partition: Partition) -> Option<watch::Receiver<u64>> {
        self.ends.get(usize::from(partition)).cloned()
    }
}

async fn follow(log: Log, partition: Partition, end: watch::Sender<u64>) {
    while !end.is_closed() {
        if let Err(error) = follow_connected(&log, partition, &end).await {
            tracing::warn!(partition, %error, "lost sight of a partition's end, trying again");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn follow_connected(
    log: &Log,
    partition: Partition,
    end: &watch::Sender<u64>,
) -> Result<(), LogError> {
    // A connection of its own: a blocked one answers nobody else.
    let mut blocking = log.server().connect_blocking(WAIT).await?;
    while !end.is_closed() {
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
        // After the commit that ends here, whatever its number of events.
        .arg(format!("{}-{}", here.number, u64::MAX))
        .query_async(connection)
        .await?;
    Ok(())
}
