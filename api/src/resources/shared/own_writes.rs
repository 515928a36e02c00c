//! Read-your-writes: the latest writes of each credential through this process, and
//! the views that are known to lag behind them.
//!
//! Memory is bounded: one entry per credential with at most one number per
//! partition, and at most one number per view and partition for lagging views.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use eventlog::{Partition, Position, Positions};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use projections::{Store, WaitError};

use crate::http::limits::Shares;

/// Maximum number of credentials. Beyond it, the least recently used one is evicted.
const CREDENTIALS: u64 = 10_000;

/// Time after its last use at which a credential is evicted.
const IDLE: Duration = Duration::from_secs(60 * 60);

/// Latest writes of all credentials.
pub(crate) struct OwnWrites {
    by_credential: Cache<Arc<str>, Arc<Mutex<Written>>>,
    /// Event number at which a wait for a view's partition timed out. Until the view
    /// has folded it, no other read waits for that partition. It holds acknowledged
    /// positions only: a position in `after` may never exist.
    lagging: Mutex<HashMap<(&'static str, Partition), u64>>,
}

/// Latest writes of one credential.
struct Written {
    /// Log epoch of the positions. Positions of another epoch are meaningless.
    epoch: Arc<str>,
    positions: Positions,
    /// Views that were seen to include all positions. This stays true when another
    /// generation takes over, since a generation catches up before it serves.
    folded_by: Vec<&'static str>,
}

/// View whose reads include a credential's writes.
pub(crate) struct FollowedView<'a> {
    /// Store of the view.
    pub(crate) store: &'a Store,
    /// Name of the view.
    pub(crate) view: &'static str,
    /// Places of reads that wait.
    pub(crate) places: &'a Shares,
    /// Maximum time to wait.
    pub(crate) max_wait: Duration,
}

impl OwnWrites {
    pub(crate) fn new() -> Self {
        let by_credential = Cache::builder()
            .max_capacity(CREDENTIALS)
            // LRU never evicts a credential that has just written.
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(IDLE)
            .build();
        Self {
            by_credential,
            lagging: Mutex::default(),
        }
    }

    /// Records that a credential wrote up to these positions.
    pub(crate) fn record(&self, actor: &Arc<str>, epoch: Arc<str>, positions: &Positions) {
        let new = || {
            Arc::new(Mutex::new(Written {
                epoch: epoch.clone(),
                positions: Positions::default(),
                folded_by: Vec::new(),
            }))
        };
        let written = self.by_credential.get_with(actor.clone(), new);
        let mut written = lock(&written);
        if written.epoch != epoch {
            written.epoch = epoch;
            written.positions = Positions::default();
        }
        // A command that changed nothing returns an older position.
        if !written.positions.cover(positions) {
            positions.iter().for_each(|p| written.positions.insert(p));
            written.folded_by.clear();
        }
    }

    /// Waits until a view has all writes of the credential. Returns true if it has them.
    /// Does not wait for partitions that are known to lag, nor without a place.
    ///
    /// # Errors
    /// [`WaitError::Mongo`] if MongoDB does not respond.
    pub(crate) async fn follow(
        &self,
        actor: &Arc<str>,
        epoch: &Arc<str>,
        followed: FollowedView<'_>,
    ) -> Result<bool, WaitError> {
        let view = followed.view;
        let Some(written) = self.unconfirmed(actor, epoch, view) else {
            return Ok(true);
        };
        let reached = followed.store.reached(view).await?;
        let missing = beyond(&written, &reached);
        let awaited = self.without_lagging(view, &missing, &reached);
        let is_skipped = awaited != missing;
        let has_all = self.wait(actor, &followed, &awaited).await? && !is_skipped;
        if has_all {
            self.confirm(actor, view, &written);
        }
        Ok(has_all)
    }

    /// Waits until a view has these positions. Returns true if it has them. If it does not
    /// get them in time, records that the view lags.
    async fn wait(
        &self,
        actor: &Arc<str>,
        followed: &FollowedView<'_>,
        awaited: &Positions,
    ) -> Result<bool, WaitError> {
        if awaited.is_empty() {
            return Ok(true);
        }
        let Some(_place) = followed.places.take(actor, 1) else {
            return Ok(false);
        };
        let FollowedView {
            store,
            view,
            max_wait,
            ..
        } = *followed;
        match store.wait_for(view, awaited, max_wait).await {
            Ok(()) => Ok(true),
            Err(WaitError::Behind { .. }) => {
                let reached = store.reached(view).await?;
                self.note_lagging(view, &beyond(awaited, &reached));
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the writes of the credential, or `None` if the view is known to have
    /// them all.
    fn unconfirmed(
        &self,
        actor: &Arc<str>,
        epoch: &Arc<str>,
        view: &'static str,
    ) -> Option<Positions> {
        let written = self.by_credential.get(actor)?;
        let written = lock(&written);
        let is_awaited = written.epoch == *epoch && !written.folded_by.contains(&view);
        is_awaited.then(|| written.positions.clone())
    }

    /// Records that a view has these positions, if they are still the latest.
    fn confirm(&self, actor: &Arc<str>, view: &'static str, positions: &Positions) {
        if let Some(written) = self.by_credential.get(actor) {
            let mut written = lock(&written);
            if written.positions == *positions && !written.folded_by.contains(&view) {
                written.folded_by.push(view);
            }
        }
    }

    /// Returns the missing positions whose partitions are not known to lag. Clears
    /// the partitions in which the view has caught up to `reached`.
    fn without_lagging(
        &self,
        view: &'static str,
        missing: &Positions,
        reached: &Positions,
    ) -> Positions {
        let mut lagging = lock(&self.lagging);
        lagging
            .retain(|(of, partition), number| *of != view || reached.number(*partition) < *number);
        let is_awaited = |p: &Position| !lagging.contains_key(&(view, p.partition));
        missing.iter().filter(is_awaited).collect()
    }

    fn note_lagging(&self, view: &'static str, missing: &Positions) {
        let mut lagging = lock(&self.lagging);
        for Position { partition, number } in missing.iter() {
            let noted = lagging.entry((view, partition)).or_default();
            *noted = number.max(*noted);
        }
    }
}

/// Returns the positions that are beyond `reached`.
fn beyond(positions: &Positions, reached: &Positions) -> Positions {
    let is_beyond = |p: &Position| p.number > reached.number(p.partition);
    positions.iter().filter(is_beyond).collect()
}

/// Locks a mutex and ignores poisoning: each change under the lock is a single step,
/// so a panic leaves the value consistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(text: &str) -> Positions {
        text.parse().unwrap()
    }

    #[test]
    fn the_highest_numbers_are_awaited_until_a_view_has_them() {
        let own_writes = OwnWrites::new();
        let (actor, epoch): (Arc<str>, Arc<str>) = ("key:1".into(), "e-1".into());
        let awaited = |view| {
            let written = own_writes.unconfirmed(&actor, &epoch, view);
            written.map(|positions| positions.to_string())
        };
        assert_eq!(awaited("orders"), None);
        for written in ["3:7", "1:2,3:5", "1:1"] {
            own_writes.record(&actor, epoch.clone(), &positions(written));
        }
        assert_eq!(awaited("orders").as_deref(), Some("1:2,3:7"));

        own_writes.confirm(&actor, "orders", &positions("3:7"));
        assert_eq!(awaited("orders").as_deref(), Some("1:2,3:7"), "not all");
        own_writes.confirm(&actor, "orders", &positions("1:2,3:7"));
        assert_eq!(awaited("orders"), None);
        assert_eq!(awaited("audit").as_deref(), Some("1:2,3:7"));
        own_writes.record(&actor, epoch.clone(), &positions("3:6"));
        assert_eq!(awaited("orders"), None, "no new position");
        own_writes.record(&actor, epoch.clone(), &positions("3:8"));
        assert_eq!(awaited("orders").as_deref(), Some("1:2,3:8"));
    }

    #[test]
    fn positions_of_another_log_are_not_waited_for() {
        let own_writes = OwnWrites::new();
        let actor: Arc<str> = "key:1".into();
        let (old, new): (Arc<str>, Arc<str>) = ("e-1".into(), "e-2".into());
        own_writes.record(&actor, old, &positions("0:900"));
        assert_eq!(own_writes.unconfirmed(&actor, &new, "orders"), None);
        own_writes.record(&actor, new.clone(), &positions("1:4"));
        let written = own_writes.unconfirmed(&actor, &new, "orders");
        assert_eq!(written, Some(positions("1:4")));
    }

    #[test]
    fn a_partition_lags_until_the_view_reaches_the_awaited_position() {
        let own_writes = OwnWrites::new();
        own_writes.note_lagging("orders", &positions("0:5,1:9"));
        let awaited = |view, reached: &str| {
            let missing = positions("0:20,1:20,2:20");
            let awaited = own_writes.without_lagging(view, &missing, &positions(reached));
            awaited.to_string()
        };
        assert_eq!(awaited("audit", "0:0"), "0:20,1:20,2:20", "another view");
        assert_eq!(awaited("orders", "0:4,1:4"), "2:20");
        assert_eq!(awaited("orders", "0:5,1:8"), "0:20,2:20");
        assert_eq!(awaited("orders", "0:5,1:9"), "0:20,1:20,2:20");
        assert_eq!(awaited("orders", "0:0"), "0:20,1:20,2:20", "forgotten");
    }
}
