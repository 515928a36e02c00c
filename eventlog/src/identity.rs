//! Which log this is, and whether Redis still holds all that was seen of it.
//!
//! A Redis can come back empty, or with an older copy of its data. Events
//! appended to that would have numbers that others have already seen with
//! other content. So every append passes the log epoch, a random id of the
//! log, and the highest number seen, and the script compares both. Before its
//! first append, and after every reconnect, a process also compares each
//! partition's counter with what a [`Witness`] remembers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use tokio::sync::Mutex;

use crate::connection::Connection;
use crate::{Layout, LogError, Partition, Position};
use crate::{counter, settings};

/// How long a failure is answered from memory before Redis is asked again.
const RECHECK: Duration = Duration::from_secs(1);

/// What somebody outside Redis remembers of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownLog {
    /// Its epoch.
    pub epoch: String,
    /// Whether its creation was finished: before that it holds no events.
    pub created: bool,
    /// Positions up to which it was read, at this epoch.
    pub positions: Vec<Position>,
}

/// Somebody outside Redis who remembers the log: the store of read models.
pub trait Witness: Send + Sync + 'static {
    /// What is remembered; `None` where nothing is.
    ///
    /// # Errors
    /// A reason, if the witness does not answer.
    fn recall(&self) -> BoxFuture<'_, Result<Option<KnownLog>, String>>;

    /// Remembers the log's epoch, unless one is remembered; returns what is
    /// remembered then.
    ///
    /// # Errors
    /// A reason, if the witness does not answer.
    fn introduce<'a>(&'a self, epoch: &'a str) -> BoxFuture<'a, Result<String, String>>;

    /// Remembers that the log of this epoch is created.
    ///
    /// # Errors
    /// A reason, if the witness does not answer.
    fn mark_created<'a>(&'a self, epoch: &'a str) -> BoxFuture<'a, Result<(), String>>;

    /// Remembers the log of this epoch, created, in place of any other.
    ///
    /// # Errors
    /// A reason, if the witness does not answer.
    fn replace<'a>(&'a self, epoch: &'a str) -> BoxFuture<'a, Result<(), String>>;
}

/// What this process knows of the log.
pub(crate) struct Identity {
    connection: Connection,
    namespace: String,
    layout: Layout,
    witness: Option<Arc<dyn Witness>>,
    epoch: RwLock<Arc<str>>,
    seen: Vec<AtomicU64>,
    state: Mutex<State>,
    /// `drops` of the connection at the last confirmation, plus 1; 0 if there
    /// was none or what was known is in doubt.
    confirmed: AtomicU64,
}

#[derive(Default)]
struct State {
    /// Whether the witness has agreed once.
    witnessed: bool,
    failed: Option<(Instant, LogError)>,
}

impl Identity {
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

    /// The log epoch, as this process knows it.
    pub(crate) fn epoch(&self) -> Arc<str> {
        // An epoch is replaced as a whole.
        let epoch = self.epoch.read().unwrap_or_else(PoisonError::into_inner);
        epoch.clone()
    }

    /// The highest event number that this process has seen of a partition.
    pub(crate) fn seen(&self, partition: Partition) -> u64 {
        let seen = self.seen.get(usize::from(partition));
        seen.map_or(0, |seen| seen.load(Ordering::Acquire))
    }

    /// Notes that this event was seen.
    pub(crate) fn saw(&self, at: Position) {
        if let Some(seen) = self.seen.get(usize::from(at.partition)) {
            seen.fetch_max(at.number, Ordering::AcqRel);
        }
    }

    /// Has the log confirmed again before the next append.
    pub(crate) fn doubt(&self) {
        self.confirmed.store(0, Ordering::Release);
    }

    /// The epoch to append with, once this connection's Redis is known to hold
    /// the log.
    ///
    /// # Errors
    /// [`LogError`] if it holds another log, or if that cannot be told.
    pub(crate) async fn confirmed(&self) -> Result<Arc<str>, LogError> {
        let drops = self.connection.drops() + 1;
        if self.confirmed.load(Ordering::Acquire) != drops {
            self.confirm(drops).await?;
        }
        Ok(self.epoch())
    }

    /// Compares what Redis holds with what this process and the witness know.
    async fn confirm(&self, drops: u64) -> Result<(), LogError> {
        let mut state = self.state.lock().await;
        // Others have waited for the same answer.
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
                // A drop in the meantime is another connection to confirm.
                self.confirmed.store(drops, Ordering::Release);
                Ok(())
            }
            Err(error) => {
                state.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    async fn compare(&self, state: &mut State) -> Result<(), LogError> {
        let known = self.recall(state).await?;
        let mut connection = self.connection();
        let stored = settings::epoch(&mut connection, &self.namespace).await?;
        let epoch = stored.ok_or(LogError::Gone)?;
        let own = self.epoch();
        let is_accepted = known.as_ref().is_some_and(|known| known.epoch == epoch);
        if !is_accepted && (*own != *epoch || known.is_some()) {
            return Err(LogError::OtherEpoch);
        }
        if *own != *epoch {
            self.adopt(&epoch);
        }
        for position in known.into_iter().flat_map(|known| known.positions) {
            self.saw(position);
        }
        self.compare_counters(&epoch).await
    }

    /// Whether every partition has this epoch and all that was seen of it.
    async fn compare_counters(&self, epoch: &str) -> Result<(), LogError> {
        // Taken before the counters are read: they only grow.
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
            self.saw(end);
        }
        Ok(())
    }

    fn partitions(&self) -> std::ops::Range<Partition> {
        0..self.layout.partitions()
    }

    /// What the witness remembers. Once it has agreed, its absence holds
    /// nothing up: this process has seen what it could tell.
    async fn recall(&self, state: &mut State) -> Result<Option<KnownLog>, LogError> {
        let Some(witness) = &self.witness else {
            return Ok(None);
        };
        let recalled = async {
            match witness.recall().await? {
                Some(known) => Ok(known),
                // New read models beside a log that was there before.
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
            Err(error) if state.witnessed => {
                tracing::warn!(
                    error,
                    "the log is confirmed by what this process has seen alone"
                );
                Ok(None)
            }
            Err(error) => Err(LogError::Unconfirmed(error)),
        }
    }

    /// An operator has accepted the log as it is: what was seen at the epoch
    /// before says nothing about it.
    fn adopt(&self, epoch: &str) {
        tracing::warn!(epoch, "the log has a new epoch");
        *self.epoch.write().unwrap_or_else(PoisonError::into_inner) = epoch.into();
        for seen in &self.seen {
            seen.store(0, Ordering::Release);
        }
    }

    /// Whether Redis holds the log that this process knows, right now.
    pub(crate) async fn check(&self) -> Result<(), LogError> {
        let epoch = self.confirmed().await?;
        let compared = self.compare_counters(&epoch).await;
        if compared.as_ref().is_err_and(LogError::is_other_log) {
            self.doubt();
        }
        compared
    }
}

/// An epoch that no other log has.
pub(crate) fn new_epoch() -> String {
    format!("{:032x}", rand::random::<u128>())
}
