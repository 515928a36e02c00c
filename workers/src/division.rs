//! Division of the partitions among the live worker processes.
//!
//! Every process sends heartbeats, computes the same fair assignment from the
//! members that are alive, and claims the partitions assigned to it. A claim
//! succeeds only once the previous owner has released the partition or has died.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use eventlog::{Members, Membership, Partition, assign};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Time after which a process without a heartbeat counts as dead. The partitions of a
/// dead process are idle for about this long.
pub(crate) const LIFETIME: Duration = Duration::from_secs(6);

/// Interval between heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// Interval between claims of a partition that its previous owner has not released.
const CLAIM: Duration = Duration::from_millis(200);

/// Delay before a partition is released after its task has panicked.
const AFTER_PANIC: Duration = Duration::from_secs(5);

/// Work that an owner does on a partition until the token is cancelled.
pub(crate) type PartitionWork =
    Box<dyn Fn(Partition, CancellationToken) -> BoxFuture<'static, ()> + Send>;

/// Share of the partitions that this process owns.
pub(crate) struct Division {
    membership: Membership,
    partitions: Partition,
    work: PartitionWork,
    /// Partitions with a running task, each with the token that stops the task.
    owned: HashMap<Partition, CancellationToken>,
    tasks: JoinSet<Partition>,
}

impl Division {
    pub(crate) fn new(membership: Membership, partitions: Partition, work: PartitionWork) -> Self {
        Self {
            membership,
            partitions,
            work,
            owned: HashMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Sends heartbeats and adjusts the share until `stop` is cancelled, then releases
    /// all partitions.
    pub(crate) async fn run(mut self, stop: &CancellationToken) {
        // This loop never waits for a partition's work to end: a late heartbeat would
        // cost this process all of its partitions.
        let mut ticks = tokio::time::interval(HEARTBEAT);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut unclaimed = false;
        loop {
            let claim = tokio::time::sleep(CLAIM);
            tokio::select! {
                () = stop.cancelled() => break,
                _ = ticks.tick() => {}
                () = claim, if unclaimed => {}
                Some(ended) = self.tasks.join_next() => self.release(ended).await,
            }
            match self.membership.heartbeat().await {
                Ok(members) => unclaimed = self.adjust(&members).await,
                Err(error) => {
                    tracing::warn!(%error, "failed to send a heartbeat; continuing to work");
                }
            }
        }
        self.give_back(ticks).await;
    }

    /// Stops work on partitions that belong to another process, and claims those
    /// assigned to this one. Returns whether some of these could not be claimed yet.
    async fn adjust(&mut self, members: &Members) -> bool {
        let assigned = assign(self.partitions, &members.alive);
        let is_mine = |owner: &&str| *owner == self.membership.worker();
        let mine: HashSet<Partition> = assigned
            .iter()
            .filter(|(_, owner)| is_mine(owner))
            .map(|(partition, _)| *partition)
            .collect();
        for (partition, stop) in &self.owned {
            // Another process may own it by now: if this one sent no heartbeat for
            // `LIFETIME`, its partitions could be claimed.
            let owner = members.owners.get(partition).map(String::as_str);
            if !mine.contains(partition) || owner != Some(self.membership.worker()) {
                stop.cancel();
            }
        }
        // A release that failed when the task ended is repeated here. Without it no
        // other process could claim the partition for as long as this one lives.
        let worker = self.membership.worker();
        let owned = members.owners.iter().filter(|(_, owner)| *owner == worker);
        let owned = owned.map(|(partition, _)| *partition);
        let left = owned.filter(|p| !mine.contains(p) && !self.owned.contains_key(p));
        for partition in left.collect::<Vec<_>>() {
            give_back(&self.membership, partition).await;
        }
        let mut unclaimed = false;
        for partition in mine {
            if self.owned.contains_key(&partition) {
                continue;
            }
            match self.membership.claim(partition).await {
                Ok(true) => self.start(partition),
                Ok(false) => unclaimed = true,
                Err(error) => {
                    tracing::warn!(partition, %error, "a partition could not be claimed, trying again");
                    unclaimed = true;
                }
            }
        }
        unclaimed
    }

    fn start(&mut self, partition: Partition) {
        tracing::debug!(partition, "starting to work on a partition");
        let stop = CancellationToken::new();
        let work = (self.work)(partition, stop.clone());
        self.tasks.spawn(async move {
            if AssertUnwindSafe(work).catch_unwind().await.is_err() {
                tracing::error!(partition, "a partition's task panicked");
                // The next owner may panic on the same event, so this is not retried at
                // full speed.
                tokio::time::sleep(AFTER_PANIC).await;
            }
            partition
        });
        self.owned.insert(partition, stop);
    }

    async fn release(&mut self, ended: Result<Partition, tokio::task::JoinError>) {
        let partition = match ended {
            Ok(partition) => partition,
            // Not reachable: panics are caught inside the task, and nothing aborts it.
            Err(error) => return tracing::error!(%error, "a partition's task was lost"),
        };
        self.owned.remove(&partition);
        give_back(&self.membership, partition).await;
    }

    /// Stops all tasks and releases their partitions as they end.
    async fn give_back(mut self, mut ticks: tokio::time::Interval) {
        // Heartbeats continue meanwhile, so that no other process claims a partition
        // while its task still writes.
        self.owned.values().for_each(CancellationToken::cancel);
        loop {
            tokio::select! {
                ended = self.tasks.join_next() => match ended {
                    Some(ended) => self.release(ended).await,
                    None => break,
                },
                _ = ticks.tick() => {
                    if let Err(error) = self.membership.heartbeat().await {
                        tracing::warn!(%error, "failed to send a heartbeat");
                    }
                }
            }
        }
        if let Err(error) = self.membership.leave().await {
            tracing::warn!(%error, "could not leave the workers; the membership expires by itself");
        }
    }
}

async fn give_back(membership: &Membership, partition: Partition) {
    if let Err(error) = membership.release(partition).await {
        tracing::warn!(partition, %error, "a partition could not be released, trying again");
    }
}
