//! Handle of an open log: appending, reading, and operating it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;

use crate::appender::{Appender, CommitOutcome};
use crate::commit::NewCommit;
use crate::connection::{Connection, RedisServer};
use crate::identity::LogIdentity;
use crate::memory::RecentMemory;
use crate::{
    Append, Appended, Commit, Entry, Head, Key, Layout, LogError, Memory, Partition, Position,
    ScanStep, UnsafeSetting, append, counter, heads, read, server, settings,
};

/// Handle of an open log. Clones share the connection and the appenders.
#[derive(Clone)]
pub struct Log(pub(crate) Arc<LogInner>);

pub(crate) struct LogInner {
    pub(crate) server: RedisServer,
    pub(crate) namespace: String,
    pub(crate) identity: Arc<LogIdentity>,
    pub(crate) appenders: Vec<Appender>,
    pub(crate) memory: Arc<RecentMemory>,
    pub(crate) unsafe_settings: Vec<UnsafeSetting>,
}

impl Log {
    /// Returns the layout: partitions and names of Redis keys.
    pub fn layout(&self) -> &Layout {
        self.0.identity.layout()
    }

    /// Returns all partitions.
    pub fn partitions(&self) -> std::ops::Range<Partition> {
        0..self.layout().partitions()
    }

    /// Returns the settings of this server that could lose events; empty unless that
    /// was allowed.
    pub fn unsafe_settings(&self) -> &[UnsafeSetting] {
        &self.0.unsafe_settings
    }

    /// Fixes a setting at the first start to `given`, or else to `default`. Returns the
    /// value that is fixed.
    ///
    /// # Errors
    /// [`LogError::Pinned`] if `given` differs from the value fixed before.
    pub async fn pin(
        &self,
        name: &str,
        given: Option<&str>,
        default: &str,
    ) -> Result<String, LogError> {
        let stored = settings::set_once(
            &self.connection(),
            &self.0.namespace,
            name,
            given.unwrap_or(default),
        )
        .await?;
        settings::check_pinned(name, given, stored)
    }

    /// Appends to aggregates of one partition, all with the same metadata; each append
    /// is written as a whole or not at all. Returns the outcomes in the same order,
    /// when everything is on disk. A call may contain each aggregate once.
    ///
    /// Appends share a commit as far as they fit. If some aggregates have other
    /// versions than expected, the others are written in a commit of their own.
    ///
    /// # Errors
    /// After an error each of the appends may or may not have been written. The caller
    /// repeats its command; the expected versions prevent a second append.
    pub async fn append(
        &self,
        partition: Partition,
        meta: Arc<str>,
        appends: Vec<Append>,
    ) -> Result<Vec<Appended>, LogError> {
        debug_assert!(appends.iter().all(|a| a.key.partition == partition));
        append::check(&appends)?;
        let appender = self.0.appenders.get(usize::from(partition));
        let appender = appender.ok_or_else(|| {
            let count = self.layout().partitions();
            LogError::Options(format!("there is no partition {partition} of {count}"))
        })?;
        let mut outcomes: Vec<Option<Appended>> = vec![None; appends.len()];
        let mut waiting: Vec<usize> = (0..appends.len()).collect();
        while !waiting.is_empty() {
            let next = waiting.iter().map(|&index| &appends[index]);
            let rest = waiting.split_off(append::commit_size(next));
            let group = std::mem::replace(&mut waiting, rest);
            let commit: Vec<&Append> = group.iter().map(|&index| &appends[index]).collect();
            let last = match appender.append(NewCommit::of(&meta, &commit)).await? {
                CommitOutcome::Committed(last) => last,
                CommitOutcome::Conflicts(conflicts) => {
                    for (place, found) in conflicts {
                        outcomes[group[place]] = Some(Appended::Conflict { found });
                    }
                    // The whole commit was skipped. The appends without a conflict are
                    // put back in front and written in the next round. Each round settles
                    // at least one append, so the loop ends.
                    let others = group.iter().filter(|&&index| outcomes[index].is_none());
                    waiting.splice(0..0, others.copied());
                    continue;
                }
            };
            // The events of a commit have consecutive numbers, so the positions
            // follow from the last number, counted back.
            let mut number = last;
            for &index in group.iter().rev() {
                outcomes[index] = Some(Appended::At(Position { partition, number }));
                number -= appends[index].events.len() as u64;
            }
        }
        // Every append has its outcome here, so `flatten` drops nothing.
        Ok(outcomes.into_iter().flatten().collect())
    }

    /// Returns the heads of aggregates of one partition, in the order of `keys`; `None`
    /// for an aggregate that does not exist.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be read.
    pub async fn heads(
        &self,
        partition: Partition,
        keys: &[&Key],
    ) -> Result<Vec<Option<Head>>, LogError> {
        heads::load(&mut self.connection(), self.layout(), partition, keys).await
    }

    /// Replaces heads of one partition with others of the same version and last number,
    /// for example after a change of the fold. Heads that changed in the meantime are
    /// kept.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be written.
    pub async fn rewrite_heads(
        &self,
        partition: Partition,
        heads: &[(&Key, Head)],
    ) -> Result<(), LogError> {
        heads::rewrite(&mut self.connection(), self.layout(), partition, heads).await
    }

    /// Returns the number of aggregates of one kind.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be read.
    pub async fn head_count(&self, kind: &str) -> Result<u64, LogError> {
        let counts = self.partitions().map(async |partition| {
            heads::count(&mut self.connection(), self.layout(), partition, kind).await
        });
        Ok(try_join_all(counts).await?.into_iter().sum())
    }

    /// Returns the buckets of one kind that are not empty.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be read.
    pub async fn filled_buckets(
        &self,
        partition: Partition,
        kind: &str,
    ) -> Result<Vec<u32>, LogError> {
        heads::filled_buckets(&mut self.connection(), self.layout(), partition, kind).await
    }

    /// Returns all heads in one bucket of one kind, by key; `None` for a head that is
    /// not readable.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be read.
    pub async fn heads_in(
        &self,
        partition: Partition,
        kind: &str,
        bucket: u32,
    ) -> Result<HashMap<String, Option<Head>>, LogError> {
        heads::load_bucket(
            &mut self.connection(),
            self.layout(),
            partition,
            kind,
            bucket,
        )
        .await
    }

    /// Reads up to `count` events after a position, in order.
    ///
    /// # Errors
    /// [`LogError::Trimmed`] if a missing number is below the floor,
    /// [`LogError::Damaged`] if it is not.
    pub async fn read(&self, after: Position, count: usize) -> Result<Vec<Entry>, LogError> {
        let commits = self.read_commits(after, count).await?;
        Ok(commits
            .into_iter()
            .flat_map(|commit| commit.events)
            .collect())
    }

    /// Reads up to `count` events after a position, in order, commit by commit. The
    /// first and the last commit may be partial.
    ///
    /// # Errors
    /// Those of [`Log::read`].
    pub async fn read_commits(
        &self,
        after: Position,
        count: usize,
    ) -> Result<Vec<Commit>, LogError> {
        let read = read::commits(&mut self.connection(), self.layout(), after, count).await?;
        if let Some(commit) = read.last() {
            self.0.identity.record_seen(Position {
                partition: commit.partition,
                number: commit.last,
            });
        }
        Ok(read)
    }

    /// Reads some commits after a position, and continues after missing or unreadable
    /// entries. Used for finding damage.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be read.
    pub async fn scan(&self, after: Position) -> Result<ScanStep, LogError> {
        read::scan(&mut self.connection(), self.layout(), after).await
    }

    /// Returns the floor of each partition, in order: its first position that was not
    /// trimmed.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be read.
    pub async fn floors(&self) -> Result<Vec<Position>, LogError> {
        let counters = self.counters().await?;
        let floor = |(partition, counter): (Partition, counter::PartitionCounter)| Position {
            partition,
            number: counter.floor,
        };
        Ok((0..).zip(counters).map(floor).collect())
    }

    /// Removes whole commits that end before a position. Returns the partition's new
    /// floor. The caller must not trim events that views, launches or queries about
    /// the past still need.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be read.
    pub async fn trim(&self, before: Position) -> Result<Position, LogError> {
        counter::trim(&mut self.connection(), self.layout(), before).await
    }

    /// Returns the log epoch, a random id of this log, as this process knows it.
    pub fn epoch(&self) -> Arc<str> {
        self.0.identity.epoch()
    }

    /// Checks that Redis holds the log that this process knows, with all events that
    /// were seen, so that it accepts appends.
    ///
    /// # Errors
    /// [`LogError`] with the reason if it does not.
    pub async fn check(&self) -> Result<(), LogError> {
        self.0.identity.check().await
    }

    async fn counters(&self) -> Result<Vec<counter::PartitionCounter>, LogError> {
        let counters = counter::read_all(&mut self.connection(), self.layout()).await?;
        let found = |(partition, counter): (Partition, Option<counter::PartitionCounter>)| {
            counter.ok_or(LogError::Missing { partition })
        };
        (0..).zip(counters).map(found).collect()
    }

    /// Returns the events at these positions, in the same order; `None` for a position
    /// without an event.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be read.
    pub async fn entries(&self, positions: &[Position]) -> Result<Vec<Option<Entry>>, LogError> {
        let mut by_partition: HashMap<Partition, Vec<usize>> = HashMap::new();
        for (index, position) in positions.iter().enumerate() {
            by_partition
                .entry(position.partition)
                .or_default()
                .push(index);
        }
        let reads = by_partition.iter().map(async |(partition, indices)| {
            let numbers: Vec<_> = indices.iter().map(|i| positions[*i].number).collect();
            read::events_at(&mut self.connection(), self.layout(), *partition, &numbers).await
        });
        let mut found = vec![None; positions.len()];
        let replies = try_join_all(reads).await?;
        for (indices, entries) in by_partition.values().zip(replies) {
            for (index, entry) in indices.iter().zip(entries) {
                found[*index] = entry;
            }
        }
        Ok(found)
    }

    /// Returns all events of one aggregate, first to last.
    ///
    /// # Errors
    /// [`LogError::Damaged`] if a back pointer does not lead to an event of the
    /// aggregate, [`LogError::Trimmed`] if that event was trimmed.
    pub async fn history(&self, key: &Key) -> Result<Vec<Entry>, LogError> {
        let head = self.heads(key.partition, &[key]).await?.pop().flatten();
        let last = Position {
            partition: key.partition,
            number: head.map_or(0, |head| head.last),
        };
        let mut history = self.history_back(key, last, usize::MAX).await?;
        history.reverse();
        Ok(history)
    }

    /// Returns up to `most` events of one aggregate, last to first, starting with the
    /// event at `last`, which must belong to the aggregate.
    ///
    /// # Errors
    /// Those of [`Log::history`].
    pub async fn history_back(
        &self,
        key: &Key,
        last: Position,
        most: usize,
    ) -> Result<Vec<Entry>, LogError> {
        read::history(&mut self.connection(), self.layout(), &key.text, last, most).await
    }

    /// Returns all events of several aggregates of one partition, in the order of `of`,
    /// each first to last. Each aggregate comes with the number of its last event to
    /// return.
    ///
    /// # Errors
    /// Those of [`Log::history`].
    pub async fn histories(
        &self,
        partition: Partition,
        of: &[(&Key, u64)],
    ) -> Result<Vec<Vec<Entry>>, LogError> {
        read::histories(&mut self.connection(), self.layout(), partition, of).await
    }

    /// Returns the last position of a partition; number 0 if it is empty.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be read.
    pub async fn last(&self, partition: Partition) -> Result<Position, LogError> {
        let counter = counter::read(&mut self.connection(), self.layout(), partition).await?;
        let counter = counter.ok_or(LogError::Missing { partition })?;
        if counter.epoch != *self.epoch() {
            // An operator may have accepted another log; `confirmed` adopts its epoch
            // or reports the difference.
            self.0.identity.revoke();
            self.0.identity.confirmed().await?;
        }
        let number = counter.last;
        let last = Position { partition, number };
        self.0.identity.record_seen(last);
        Ok(last)
    }

    /// Returns the last position of every partition, in order.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be read.
    pub async fn ends(&self) -> Result<Vec<Position>, LogError> {
        try_join_all(self.partitions().map(|p| self.last(p))).await
    }

    /// Returns the memory of the server with the least left.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be read.
    pub async fn memory(&self) -> Result<Memory, LogError> {
        self.recent_memory(Duration::ZERO).await
    }

    /// Returns a sample of [`Log::memory`] that is at most `age` old, and newer than
    /// the last append of this process that failed for lack of memory.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be read.
    pub async fn recent_memory(&self, age: Duration) -> Result<Memory, LogError> {
        self.0.memory.get(&self.connection(), age).await
    }

    /// Returns the version of the server, such as `7.2.4`; in a cluster, of one node.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be read.
    pub async fn server_version(&self) -> Result<String, LogError> {
        server::version(&self.connection()).await
    }

    /// Returns the memory of a partition's stream in bytes, as Redis estimates it.
    ///
    /// # Errors
    /// [`LogError`] if Redis could not be read.
    pub async fn stream_bytes(&self, partition: Partition) -> Result<u64, LogError> {
        let bytes: Option<u64> = redis::cmd("MEMORY")
            .arg("USAGE")
            .arg(self.layout().stream(partition))
            .query_async(&mut self.connection())
            .await?;
        Ok(bytes.unwrap_or_default())
    }

    pub(crate) fn connection(&self) -> Connection {
        self.0.identity.connection()
    }

    pub(crate) fn server(&self) -> &RedisServer {
        &self.0.server
    }
}
