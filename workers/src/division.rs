//! Which partitions are this process's: a fair share of them, as workers come
//! and go.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use eventlog::{Members, Membership, Partition, assign};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A process that has sent no heartbeat for this long is dead: the most that a
/// partition rests.
pub(crate) const LIFETIME: Duration = Duration::from_secs(6);

/// How often a heartbeat is sent.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// How soon a partition is claimed again that its owner should give back.
const CLAIM: Duration = Duration::from_millis(200);

/// How long a partition rests whose task has panicked.
const AFTER_PANIC: Duration = Duration::from_secs(5);

/// What an owner does with a partition until it is told to stop.
pub(crate) type Work = Box<dyn Fn(Partition, CancellationToken) -> BoxFuture<'static, ()> + Send>;

/// This process's share of the partitions.
pub(crate) struct Division {
    membership: Membership,
    partitions: Partition,
    work: Work,
    /// Those that are worked on, each with what stops it.
    owned: HashMap<Partition, CancellationToken>,
    tasks: JoinSet<Partition>,
}

impl Division {
    pub(crate) fn new(membership: Membership, partitions: Partition, work: Work) -> Self {
        Self {
            membership,
            partitions,
            work,
            owned: HashMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Sends heartbeats and adjusts the share until told to stop, then gives
    /// everything back. Never waits for work to end: a heartbeat that is late
    /// would cost all partitions.
    pub(crate) async fn run(mut self, stop: &CancellationToken) {
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
                Err(error) => tracing::warn!(%error, "no heartbeat could be sent, working on"),
            }
        }
        self.give_back(ticks).await;
    }

    /// Stops what is another's, and claims what is this process's. Returns
    /// whether some of that is not claimed yet.
    async fn adjust(&mut self, members: &Members) -> bool {
        let assigned = assign(self.partitions, &members.alive);
        let is_mine = |owner: &&str| *owner == self.membership.worker();
        let mine: HashSet<Partition> = assigned
            .iter()
            .filter(|(_, owner)| is_mine(owner))
            .map(|(partition, _)| *partition)
            .collect();
        for (partition, stop) in &self.owned {
            // Another process has taken it if this one was silent for too long.
            let owner = members.owners.get(partition).map(String::as_str);
            if !mine.contains(partition) || owner != Some(self.membership.worker()) {
                stop.cancel();
            }
        }
        // What could not be given back when it ended: while this process lives
        // nobody else can claim it.
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
                    tracing::warn!(partition, %error, "it could not be claimed, trying again");
                    unclaimed = true;
                }
            }
        }
        unclaimed
    }

    fn start(&mut self, partition: Partition) {
        tracing::debug!(partition, "owned");
        let stop = CancellationToken::new();
        let work = (self.work)(partition, stop.clone());
        self.tasks.spawn(async move {
            if AssertUnwindSafe(work).catch_unwind().await.is_err() {
                tracing::error!(partition, "its task panicked");
                // The next attempt may panic too.
                tokio::time::sleep(AFTER_PANIC).await;
            }
            partition
        });
        self.owned.insert(partition, stop);
    }

    async fn release(&mut self, ended: Result<Partition, tokio::task::JoinError>) {
        let partition = match ended {
            Ok(partition) => partition,
            // Panics are caught within, and nobody aborts it.
            Err(error) => return tracing::error!(%error, "a partition's task was lost"),
        };
        self.owned.remove(&partition);
        give_back(&self.membership, partition).await;
    }

    /// Lets everything end that is in hand. Heartbeats go on meanwhile, so that
    /// nobody takes a partition before it is given back.
    async fn give_back(mut self, mut ticks: tokio::time::Interval) {
        self.owned.values().for_each(CancellationToken::cancel);
        loop {
            tokio::select! {
                ended = self.tasks.join_next() => match ended {
                    Some(ended) => self.release(ended).await,
                    None => break,
                },
                _ = ticks.tick() => {
                    if let Err(error) = self.membership.heartbeat().await {
                        tracing::warn!(%error, "no heartbeat could be sent");
                    }
                }
            }
        }
        if let Err(error) = self.membership.leave().await {
            tracing::warn!(%error, "leaving was not recorded; it will lapse");
        }
    }
}

async fn give_back(membership: &Membership, partition: Partition) {
    if let Err(error) = membership.release(partition).await {
        tracing::warn!(partition, %error, "it could not be given back, trying again");
    }
}
