//! Membership: live worker processes, and the owner of each partition.
//!
//! Both are kept in Redis, in one slot. They divide the work but do not fence it: a
//! process that was stopped for a minute may continue to work on a partition that it no
//! longer owns. The writes of owners are guarded where they happen.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;
use std::time::Duration;

use redis::Script;
use xxhash_rust::xxh3::xxh3_64;

use crate::{Log, LogError, Partition};

/// Adds a worker to the set of live workers for a time; returns all live workers and
/// the owners.
// Times are those of Redis's clock, so that the clocks of processes do not matter. A
// member that expires later than now + ttl was added before that clock was set back,
// and is removed.
//
// A full Redis rejects a script at its first write if that write needs memory, and
// accepts every write after a first one that does not. The first write of each script
// here is a removal, so that a full Redis does not stop the division of work.
static HEARTBEAT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local t = redis.call('TIME') \
         local now = t[1] * 1000 + math.floor(t[2] / 1000) \
         redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. now) \
         if ARGV[1] ~= '' then \
           redis.call('ZREMRANGEBYSCORE', KEYS[1], '(' .. (now + ARGV[2]), '+inf') \
           redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1]) \
         end \
         return {redis.call('ZRANGE', KEYS[1], 0, -1), redis.call('HGETALL', KEYS[2])}",
    )
});

/// Makes a worker the owner of a partition, unless another live worker owns it.
// Atomic: between the check of the previous owner and the claim no heartbeat or other
// claim can intervene, so at most one live worker owns a partition.
static CLAIM: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local owner = redis.call('HGET', KEYS[2], ARGV[1]) \
         if owner == ARGV[2] then return 1 end \
         if owner then \
           local t = redis.call('TIME') \
           local now = t[1] * 1000 + math.floor(t[2] / 1000) \
           local alive = redis.call('ZSCORE', KEYS[1], owner) \
           if alive and tonumber(alive) >= now then return 0 end \
         end \
         redis.call('HDEL', KEYS[2], ARGV[1]) \
         redis.call('HSET', KEYS[2], ARGV[1], ARGV[2]) \
         return 1",
    )
});

/// Releases a partition, if the worker owns it.
// Compared first: after a long pause the partition may belong to another worker.
static RELEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then \
           redis.call('HDEL', KEYS[1], ARGV[1]) \
         end \
         return 0",
    )
});

/// Kind of work that is divided among workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Folding of the log into views, and the periodic tasks.
    Fold,
    /// Sending of messages.
    Send,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Fold => "fold",
            Self::Send => "send",
        }
    }
}

/// Live workers of one role and owners of partitions, at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members {
    /// Names of the live workers, sorted.
    pub alive: Vec<String>,
    /// Owner of each partition that has one, alive or not.
    pub owners: HashMap<Partition, String>,
}

impl Members {
    /// Returns the owner of a partition, if it is alive.
    pub fn owner(&self, partition: Partition) -> Option<&str> {
        let owner = self.owners.get(&partition)?;
        self.alive.contains(owner).then_some(owner)
    }
}

/// Membership of one worker in a role.
#[derive(Clone)]
pub struct Membership {
    log: Log,
    role: Role,
    worker: String,
    ttl: Duration,
}

impl Membership {
    /// Creates the membership of the worker with this name. The worker counts as dead
    /// after `ttl` without a heartbeat.
    pub fn new(log: Log, role: Role, worker: String, ttl: Duration) -> Self {
        Self {
            log,
            role,
            worker,
            ttl,
        }
    }

    /// Returns the worker's name.
    pub fn worker(&self) -> &str {
        &self.worker
    }

    /// Sends a heartbeat. Returns the live workers and the owners.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be reached.
    pub async fn heartbeat(&self) -> Result<Members, LogError> {
        members(&self.log, self.role, &self.worker, self.ttl).await
    }

    /// Claims a partition. Returns false if another live worker owns it.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be reached.
    pub async fn claim(&self, partition: Partition) -> Result<bool, LogError> {
        let layout = self.log.layout();
        let claimed = CLAIM
            .key(layout.workers(self.role.name()))
            .key(layout.owners(self.role.name()))
            .arg(partition)
            .arg(&self.worker)
            .invoke_async(&mut self.log.connection())
            .await?;
        Ok(claimed)
    }

    /// Releases a partition, if this worker owns it.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be reached.
    pub async fn release(&self, partition: Partition) -> Result<(), LogError> {
        let _: i64 = RELEASE
            .key(self.log.layout().owners(self.role.name()))
            .arg(partition)
            .arg(&self.worker)
            .invoke_async(&mut self.log.connection())
            .await?;
        Ok(())
    }

    /// Removes this worker from the live workers.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be reached.
    pub async fn leave(&self) -> Result<(), LogError> {
        let _: i64 = redis::cmd("ZREM")
            .arg(self.log.layout().workers(self.role.name()))
            .arg(&self.worker)
            .query_async(&mut self.log.connection())
            .await?;
        Ok(())
    }
}

impl Log {
    /// Returns the live workers of a role and the owners of partitions.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be reached.
    pub async fn members(&self, role: Role) -> Result<Members, LogError> {
        members(self, role, "", Duration::ZERO).await
    }
}

async fn members(log: &Log, role: Role, worker: &str, ttl: Duration) -> Result<Members, LogError> {
    let layout = log.layout();
    let (alive, owners): (Vec<String>, HashMap<Partition, String>) = HEARTBEAT
        .key(layout.workers(role.name()))
        .key(layout.owners(role.name()))
        .arg(worker)
        .arg(ttl.as_millis() as u64)
        .invoke_async(&mut log.connection())
        .await?;
    let mut members = Members { alive, owners };
    members.alive.sort_unstable();
    Ok(members)
}

/// Assigns each partition to the worker with the highest score for it (rendezvous
/// hashing) among those that have less than their share. Every process with the same
/// list of workers computes the same result, and few partitions move when a worker
/// joins or leaves.
pub fn assign(partitions: Partition, alive: &[String]) -> BTreeMap<Partition, &str> {
    let mut assigned = BTreeMap::new();
    if alive.is_empty() {
        return assigned;
    }
    let share = usize::from(partitions).div_ceil(alive.len());
    let mut loads: HashMap<&str, usize> = HashMap::new();
    for partition in 0..partitions {
        let free = alive
            .iter()
            .filter(|worker| loads.get(worker.as_str()).is_none_or(|load| *load < share));
        let best = free.max_by_key(|worker| {
            let score = xxh3_64(format!("{worker}/{partition}").as_bytes());
            (score, worker.as_str())
        });
        if let Some(worker) = best {
            *loads.entry(worker).or_default() += 1;
            assigned.insert(partition, worker.as_str());
        }
    }
    assigned
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workers(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("w-{n}")).collect()
    }

    fn loads(partitions: Partition, alive: &[String]) -> Vec<usize> {
        let assigned = assign(partitions, alive);
        let of = |worker: &String| assigned.values().filter(|owner| *owner == worker).count();
        alive.iter().map(of).collect()
    }

    #[test]
    fn every_partition_has_an_owner_and_no_worker_more_than_its_share() {
        for count in 1..=20 {
            let alive = workers(count);
            let loads = loads(16, &alive);
            assert_eq!(loads.iter().sum::<usize>(), 16, "{count} workers");
            assert!(loads.iter().all(|load| *load <= 16_usize.div_ceil(count)));
        }
        assert_eq!(loads(16, &workers(2)), [8, 8]);
        assert!(assign(16, &[]).is_empty());
    }

    #[test]
    fn the_order_of_the_workers_does_not_matter() {
        let mut alive = workers(5);
        let before: Vec<_> = assign(16, &alive).into_iter().map(owned).collect();
        alive.reverse();
        let after: Vec<_> = assign(16, &alive).into_iter().map(owned).collect();
        assert_eq!(before, after);
    }

    fn owned((partition, worker): (Partition, &str)) -> (Partition, String) {
        (partition, worker.to_owned())
    }

    #[test]
    fn when_a_worker_leaves_most_partitions_of_the_others_stay() {
        let alive = workers(4);
        let before = assign(64, &alive);
        let after = assign(64, &alive[..3]);
        let stayed = before
            .iter()
            .filter(|(partition, owner)| **owner != "w-3" && after[partition] == **owner);
        assert!(stayed.count() >= 32);
    }
}
