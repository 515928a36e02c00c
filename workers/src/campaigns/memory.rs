//! Backpressure on campaigns while Redis is short of memory.
//!
//! The last 5% of Redis's memory is reserved for appends that must not fail: the results
//! of messages that were sent, and their receipts. Messages are queued only while that
//! reserve stays untouched, and sent only while there is room for their results.
//! Otherwise, a message whose result cannot be recorded would be sent to the vendor
//! again under the same id, and its receipt would be lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::{CampaignId, Timestamp};
use eventlog::{Log, LogError, Memory};
use projections::{Store, Waiting, WaitingReason};
use tokio::sync::Notify;

use super::error::WorkError;
use super::head::is_resolving;
use crate::clock::now;
use crate::shared::SharedResources;

/// Approximate memory that the log takes for a queued message, in bytes.
const QUEUED: u64 = 1_024;

/// Approximate memory that the log takes for a message's result and receipt, in bytes.
const RESULTS: u64 = 1_024;

/// Used share of the memory limit from which on only one batch at a time is sent.
/// However fast other clients use up the rest, a full Redis then blocks the results of
/// at most one batch.
const NEARLY_SHORT: f64 = 0.9;

/// Largest age of a memory sample that permits a batch. A new sample costs less than
/// reading the heads of a batch.
const AGE: Duration = Duration::from_millis(10);

/// Interval between checks for room.
const LOOK: Duration = Duration::from_millis(250);

/// Interval at which a report that a campaign waits is repeated.
const REPEAT: Duration = Duration::from_secs(2);

/// Time for which such a report is valid. It outlives a missed repetition, and expires
/// soon after its worker dies.
const LIFETIME: Duration = Duration::from_secs(6);

/// Waits until `messages` messages can be queued, and reports meanwhile that the
/// campaign waits. Returns early if the campaign ends.
pub(super) async fn until_room(
    shared: &SharedResources,
    campaign: &CampaignId,
    messages: usize,
) -> Result<(), WorkError> {
    if has_room(&shared.log, messages).await? {
        return Ok(());
    }
    tracing::warn!(%campaign, "Redis is short of memory: queueing of messages is paused");
    let (since, mut reported_at) = (now(), None::<Instant>);
    loop {
        if reported_at.is_none_or(|at| at.elapsed() >= REPEAT) {
            report(&shared.store, campaign, since).await;
            reported_at = Some(Instant::now());
        }
        tokio::time::sleep(LOOK).await;
        let head = shared.commands.campaign(campaign).await?;
        if !head.is_some_and(|head| is_resolving(&head)) || has_room(&shared.log, messages).await? {
            break;
        }
    }
    tracing::info!(%campaign, "queueing of messages is resumed");
    // Best effort: a report that is not withdrawn expires.
    if let Err(error) = shared.store.forget_waiting(&[campaign]).await {
        tracing::warn!(%campaign, %error, "cannot withdraw the report that the campaign waits");
    }
    Ok(())
}

/// Returns whether this many messages can be queued, or suppressed, without touching
/// the reserve for results and receipts.
pub(super) async fn has_room(log: &Log, messages: usize) -> Result<bool, LogError> {
    let memory = log.memory().await?;
    let after = memory.after(QUEUED.saturating_mul(messages as u64));
    Ok(!after.is_short())
}

async fn report(store: &Store, campaign: &CampaignId, since: Timestamp) {
    let waiting = HashMap::from([(campaign.clone(), waiting(since))]);
    if let Err(error) = store.record_waiting(&waiting, LIFETIME).await {
        tracing::warn!(%campaign, %error, "cannot report that the campaign waits, trying again");
    }
}

fn waiting(since: Timestamp) -> Waiting {
    Waiting {
        reason: WaitingReason::Memory,
        since,
        detail: "Redis is short of memory".to_owned(),
    }
}

/// Room in the log for the results of the messages that a process sends.
#[derive(Default)]
pub(super) struct ResultRoom {
    state: Mutex<RoomState>,
    recorded: Notify,
}

#[derive(Default)]
struct RoomState {
    /// Number of messages that may be with the vendor and have no recorded result.
    unrecorded: u64,
    /// Start of the current shortage, and the time of the last refusal.
    refused: Option<(Timestamp, Instant)>,
}

/// Reservation of log memory for the results of sent messages. Dropped once the
/// results are recorded or given up.
pub(super) struct Unrecorded {
    room: Arc<ResultRoom>,
    messages: u64,
}

impl ResultRoom {
    /// Reserves room for the results of this many further messages.
    ///
    /// # Errors
    /// [`SendingDenied`] if the log has no room for them, or Redis does not answer.
    pub(super) async fn reserve(
        self: &Arc<Self>,
        log: &Log,
        messages: usize,
    ) -> Result<Unrecorded, SendingDenied> {
        let memory = match log.recent_memory(AGE).await {
            Ok(memory) => memory,
            Err(error) => {
                tracing::debug!(%error, "cannot read the memory of Redis");
                return Err(SendingDenied::NoRoom);
            }
        };
        let messages = messages as u64;
        // Checked and reserved under one lock, so that concurrent batches cannot
        // reserve the same room.
        let mut state = self.state();
        if let Err(denied) = check(memory, state.unrecorded, messages) {
            if denied == SendingDenied::NoRoom {
                state.note_refused(memory);
            }
            return Err(denied);
        }
        if state.refused.take().is_some() {
            tracing::info!("Redis has memory again: sending is resumed");
        }
        state.unrecorded += messages;
        Ok(Unrecorded {
            room: self.clone(),
            messages,
        })
    }

    /// Waits until there may be room.
    pub(super) async fn until_changed(&self) {
        // No notice arrives when other clients free memory, so check again in any case.
        let _elapsed = tokio::time::timeout(LOOK, self.recorded.notified()).await;
    }

    /// Returns why nothing is sent, if there was no room recently.
    pub(super) fn waiting(&self) -> Option<Waiting> {
        let (since, at) = self.state().refused?;
        (at.elapsed() < REPEAT).then(|| waiting(since))
    }

    fn give_back(&self, messages: u64) {
        self.state().unrecorded -= messages;
        // `notify_one` stores a permit if no task waits yet, so a release between
        // a refusal and the wait is not lost.
        self.recorded.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, RoomState> {
        // A panic cannot leave the state broken: every change is a single assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unrecorded {
    /// Reduces the reservation to this many messages.
    pub(super) fn keep(&mut self, messages: usize) {
        let rest = self.messages.saturating_sub(messages as u64);
        self.room.give_back(rest);
        self.messages -= rest;
    }
}

impl RoomState {
    fn note_refused(&mut self, memory: Memory) {
        // A refusal from long ago belongs to an earlier shortage, which ended while
        // there was nothing to send.
        let refused = self.refused.filter(|(_, at)| at.elapsed() < LIFETIME);
        if refused.is_none() {
            let Memory { used, max } = memory;
            tracing::warn!(used, max, "Redis is short of memory: sending is paused");
        }
        let since = refused.map_or_else(now, |(since, _)| since);
        self.refused = Some((since, Instant::now()));
    }
}

impl Drop for Unrecorded {
    fn drop(&mut self) {
        self.room.give_back(self.messages);
    }
}

/// Reason why no further messages may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SendingDenied {
    /// The results of earlier messages must be recorded first.
    UntilRecorded,
    /// The log has no room for results.
    NoRoom,
}

fn check(memory: Memory, unrecorded: u64, more: u64) -> Result<(), SendingDenied> {
    let results = (unrecorded + more).saturating_mul(RESULTS);
    let is_alone = unrecorded == 0;
    if memory.is_short() {
        Err(SendingDenied::NoRoom)
    } else if memory.fullness() >= NEARLY_SHORT && !is_alone {
        Err(SendingDenied::UntilRecorded)
    } else if memory.after(results).fullness() < 1.0 {
        Ok(())
    } else if is_alone {
        Err(SendingDenied::NoRoom)
    } else {
        Err(SendingDenied::UntilRecorded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEGABYTE: u64 = 1 << 20;

    fn checked(used: u64, unrecorded: u64) -> Result<(), SendingDenied> {
        let memory = Memory {
            used: used * MEGABYTE,
            max: 1_000 * MEGABYTE,
        };
        check(memory, unrecorded, 100)
    }

    #[test]
    fn the_reserve_is_kept_for_results() {
        assert_eq!((checked(0, 0), checked(899, 3_000)), (Ok(()), Ok(())));
        let denied = Err(SendingDenied::NoRoom);
        assert_eq!((checked(950, 0), checked(1_000, 3_000)), (denied, denied));
    }

    #[test]
    fn while_memory_is_nearly_short_one_batch_is_sent_at_a_time() {
        assert_eq!((checked(900, 0), checked(949, 0)), (Ok(()), Ok(())));
        assert_eq!(checked(900, 1), Err(SendingDenied::UntilRecorded));
    }

    #[test]
    fn messages_are_sent_only_with_room_for_their_results() {
        let memory = Memory {
            used: 899 * 1_024,
            max: 1_000 * 1_024,
        };
        assert_eq!(check(memory, 0, 100), Ok(()));
        assert_eq!(check(memory, 10, 100), Err(SendingDenied::UntilRecorded));
        assert_eq!(check(memory, 0, 102), Err(SendingDenied::NoRoom));
        let unbounded = Memory { max: 0, ..memory };
        assert_eq!(check(unbounded, 1_000_000, 100), Ok(()));
    }

    #[test]
    fn recorded_results_make_room() {
        let room = Arc::new(ResultRoom::default());
        room.state().unrecorded = 100;
        let mut unrecorded = Unrecorded {
            room: room.clone(),
            messages: 100,
        };
        unrecorded.keep(40);
        assert_eq!(room.state().unrecorded, 40);
        drop(unrecorded);
        assert_eq!(room.state().unrecorded, 0);
    }
}
