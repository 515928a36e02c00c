//! Identity of the log: detects a Redis that holds another log or an older copy.
//!
//! A Redis can come back empty, or with an older copy of its data. Events appended
//! then would get numbers that readers have already seen with other content. So every
//! append passes the log epoch (a random id of the log) and the highest number seen,
//! and the script compares both. Before its first append, and after every reconnect, a
//! process also compares each partition's counter with what a [`Witness`] remembers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use tokio::sync::Mutex;

use crate::connection::Connection;
use crate::{Layout, LogError, Partition, Position};
use crate::{counter, settings};

/// Time for which a failed confirmation is returned again without asking Redis.
const RECHECK: Duration = Duration::from_secs(1);

/// Knowledge of the log that is kept outside Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownLog {
    /// Epoch of the log.
    pub epoch: String,
    /// True once the creation of the log is finished. Before that it holds no events.
    pub created: bool,
    /// Positions up to which the log was read, at this epoch.
    pub positions: Vec<Position>,
}

/// Store outside Redis that remembers the log; in practice, that of the read models.
pub trait Witness: Send + Sync + 'static {
    /// Returns what is remembered of the log; `None` if there is nothing.
    ///
    /// # Errors
    /// The reason, if the witness does not answer.
    fn recall(&self) -> BoxFuture<'_, Result<Option<KnownLog>, String>>;

    /// Stores the epoch unless one is stored. Returns the stored epoch.
    ///
    /// # Errors
    /// The reason, if the witness does not answer.
    fn introduce<'a>(&'a self, epoch: &'a str) -> BoxFuture<'a, Result<String, String>>;

    /// Stores that the creation of the log with this epoch is finished.
    ///
    /// # Errors
    /// The reason, if the witness does not answer.
    fn mark_created<'a>(&'a self, epoch: &'a str) -> BoxFuture<'a, Result<(), String>>;

    /// Replaces what is stored by a created log with this epoch.
    ///
    /// # Errors
    /// The reason, if the witness does not answer.
    fn replace<'a>(&'a self, epoch: &'a str) -> BoxFuture<'a, Result<(), String>>;
}

/// Knowledge of the log in this process, and whether it was confirmed.
pub(crate) struct LogIdentity {
    connection: Connection,
    namespace: String,
    layout: Layout,
    witness: Option<Arc<dyn Witness>>,
    epoch: RwLock<Arc<str>>,
    seen: Vec<AtomicU64>,
    state: Mutex<Confirmation>,
    /// Value of the connection's `drops` at the last confirmation, plus 1; 0 if there
    /// was none or it was revoked.
    confirmed: AtomicU64,
}

#[derive(Default)]
struct Confirmation {
    /// True once the witness has answered in this process.
    witnessed: bool,
    failed: Option<(Instant, LogError)>,
}

impl LogIdentity {
    pub(crate) fn new(
        connection: Connection,
        namespace: &str,
        layout: Layout,
        epoch: &str,
        witness: Option<Arc<dyn Witness>>,
    ) -> Self {
        Self {
            connection,
            namespace: namespace.to_owned(),
            seen: (0..layout.partitions())
                .map(|_| AtomicU64::new(0))
                .collect(),
            layout,
            witness,
            epoch: RwLock::new(epoch.into()),
            state: Mutex::default(),
            confirmed: AtomicU64::new(0),
        }
    }

    pub(crate) fn connection(&self) -> Connection {
        self.connection.clone()
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Returns the log epoch, as this process knows it.
    pub(crate) fn epoch(&self) -> Arc<str> {
        // A panic cannot leave the epoch in a broken state: it is replaced as a whole.
        let epoch = self.epoch.read().unwrap_or_else(PoisonError::into_inner);
        epoch.clone()
    }

    /// Returns the highest event number that this process has seen in a partition.
    pub(crate) fn seen(&self, partition: Partition) -> u64 {
        let seen = self.seen.get(usize::from(partition));
        seen.map_or(0, |seen| seen.load(Ordering::Acquire))
    }

    /// Records that this event was seen.
    pub(crate) fn record_seen(&self, at: Position) {
        if let Some(seen) = self.seen.get(usize::from(at.partition)) {
            seen.fetch_max(at.number, Ordering::AcqRel);
        }
    }

    /// Revokes the confirmation, so that the next append confirms the log again.
    pub(crate) fn revoke(&self) {
        self.confirmed.store(0, Ordering::Release);
    }

    /// Returns the epoch to append with, after confirming that Redis holds the log if
    /// that was not done on this connection.
    ///
    /// # Errors
    /// [`LogError`] if Redis holds another log, or if that cannot be determined.
    pub(crate) async fn confirmed(&self) -> Result<Arc<str>, LogError> {
        // A changed count means a reconnect, possibly to another server process.
        let drops = self.connection.drops() + 1;
        if self.confirmed.load(Ordering::Acquire) != drops {
            self.confirm(drops).await?;
        }
        Ok(self.epoch())
    }

    /// Compares what Redis holds with what this process and the witness know.
    async fn confirm(&self, drops: u64) -> Result<(), LogError> {
        let mut state = self.state.lock().await;
        // Another task may have confirmed the log while this one waited for the lock.
        if self.confirmed.load(Ordering::Acquire) == drops {
            return Ok(());
        }
        if let Some((at, error)) = &state.failed
            && at.elapsed() < RECHECK
        {
            return Err(error.clone());
        }
        match self.compare(&mut state).await {
            Ok(()) => {
                state.failed = None;
                // The count from before the comparison: if the connection dropped in
                // the meantime, the next append confirms the log again.
                self.confirmed.store(drops, Ordering::Release);
                Ok(())
            }
            Err(error) => {
                state.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    async fn compare(&self, state: &mut Confirmation) -> Result<(), LogError> {
        let known = self.recall(state).await?;
        let mut connection = self.connection();
        let stored = settings::epoch(&mut connection, &self.namespace).await?;
        let epoch = stored.ok_or(LogError::Gone)?;
        let own = self.epoch();
        // Three epochs: of the witness, of Redis and of this process. Redis is
        // trusted if the witness agrees with it; an operator may then have accepted
        // the log since this process started. Without an answer from the witness, Redis
        // must agree with this process.
        let is_accepted = known.as_ref().is_some_and(|known| known.epoch == epoch);
        if !is_accepted && (*own != *epoch || known.is_some()) {
            return Err(LogError::OtherEpoch);
        }
        if *own != *epoch {
            tracing::warn!(epoch, "the log has a new epoch");
            *self.epoch.write().unwrap_or_else(PoisonError::into_inner) = epoch.as_str().into();
            // Numbers seen at the previous epoch do not apply to this log, which may be
            // shorter.
            for seen in &self.seen {
                seen.store(0, Ordering::Release);
            }
        }
        for position in known.into_iter().flat_map(|known| known.positions) {
            self.record_seen(position);
        }
        self.compare_counters(&epoch).await
    }

    /// Checks that every partition has this epoch and all events that were seen.
    async fn compare_counters(&self, epoch: &str) -> Result<(), LogError> {
        // Read before the counters. Other tasks append meanwhile, so a number read
        // afterwards could be higher than a counter that was read before.
        let seen: Vec<u64> = self.partitions().map(|p| self.seen(p)).collect();
        let counters = counter::read_all(&mut self.connection(), &self.layout).await?;
        for ((partition, seen), counter) in self.partitions().zip(seen).zip(counters) {
            let counter = counter.ok_or(LogError::Missing { partition })?;
            if counter.epoch != epoch {
                return Err(LogError::OtherEpoch);
            }
            let end = Position {
                partition,
                number: counter.last,
            };
            if counter.last < seen {
                return Err(LogError::Behind { end, seen });
            }
            self.record_seen(end);
        }
        Ok(())
    }

    fn partitions(&self) -> std::ops::Range<Partition> {
        0..self.layout.partitions()
    }

    /// Returns what the witness remembers; `None` if there is no witness, or if it does
    /// not answer but has answered before.
    async fn recall(&self, state: &mut Confirmation) -> Result<Option<KnownLog>, LogError> {
        let Some(witness) = &self.witness else {
            return Ok(None);
        };
        let recalled = async {
            match witness.recall().await? {
                Some(known) => Ok(known),
                // A new database of read models for a log that exists.
                None => {
                    let epoch = witness.introduce(&self.epoch()).await?;
                    witness.mark_created(&epoch).await?;
                    Ok(KnownLog {
                        epoch,
                        created: true,
                        positions: Vec::new(),
                    })
                }
            }
        };
        match recalled.await {
            Ok(known) => {
                state.witnessed = true;
                Ok(Some(known))
            }
            // The witness answered before, and what it knew is part of `seen`. An
            // outage of the witness must not stop appends.
            Err(error) if state.witnessed => {
                tracing::warn!(
                    error,
                    "the witness does not answer; the log is confirmed only by what this process has seen"
                );
                Ok(None)
            }
            Err(error) => Err(LogError::Unconfirmed(error)),
        }
    }

    /// Checks that Redis holds the log that this process knows, right now.
    pub(crate) async fn check(&self) -> Result<(), LogError> {
        let epoch = self.confirmed().await?;
        let compared = self.compare_counters(&epoch).await;
        if compared.as_ref().is_err_and(LogError::is_other_log) {
            self.revoke();
        }
        compared
    }
}

/// Returns a random epoch.
pub(crate) fn new_epoch() -> String {
    format!("{:032x}", rand::random::<u128>())
}
