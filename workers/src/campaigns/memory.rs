//! Messages and the memory of Redis.
//!
//! From 95 % of its memory on, Redis takes only what must not fail: the results
//! of what was sent, and its receipts. Messages are queued while that reserve
//! stays untouched, and handed to the vendor while there is room to record what
//! becomes of them. A vendor that takes a message whose result cannot be recorded
//! would be asked again under the same id, and its receipt would be lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::{CampaignId, Timestamp};
use eventlog::{Log, LogError, Memory};
use projections::{Store, Waiting, WaitingReason};
use tokio::sync::Notify;

use super::resolve::is_open;
use super::{WorkError, now};
use crate::shared::Shared;

/// About how much memory the log takes for a queued message.
const QUEUED: u64 = 1_024;

/// About how much it takes for the result of a message and its receipt.
const RESULTS: u64 = 1_024;

/// From here on, one batch at a time is sent, so that however quickly others use
/// up what is left, the results of no more than one are caught by a full Redis.
const NEARLY_SHORT: f64 = 0.9;

/// How old a sample of the memory may be that permits a batch. Asking costs less
/// than reading the heads of a batch.
const AGE: Duration = Duration::from_millis(10);

/// How often it is checked whether there is room again.
const LOOK: Duration = Duration::from_millis(250);

/// How often a report that still holds is repeated, and how long it is valid.
const REPEAT: Duration = Duration::from_secs(2);
const LIFETIME: Duration = Duration::from_secs(6);

/// Waits until that many messages can be queued, and reports that the campaign
/// waits. Returns early once no more messages are to be queued.
pub(super) async fn until_room(
    shared: &Shared,
    campaign: &CampaignId,
    messages: usize,
) -> Result<(), WorkError> {
    if has_room(&shared.log, messages).await? {
        return Ok(());
    }
    tracing::warn!(%campaign, "Redis is short of memory: no more messages are queued");
    let (since, mut reported_at) = (now(), None::<Instant>);
    loop {
        if reported_at.is_none_or(|at| at.elapsed() >= REPEAT) {
            report(&shared.store, campaign, since).await;
            reported_at = Some(Instant::now());
        }
        tokio::time::sleep(LOOK).await;
        let head = shared.commands.campaign(campaign).await?;
        if !head.is_some_and(|head| is_open(&head)) || has_room(&shared.log, messages).await? {
            break;
        }
    }
    tracing::info!(%campaign, "messages are queued again");
    // What is not withdrawn expires.
    if let Err(error) = shared.store.forget_waiting(&[campaign]).await {
        tracing::warn!(%campaign, %error, "cannot withdraw what it waits for");
    }
    Ok(())
}

/// Whether so many messages can be queued, or so many queued ones suppressed,
/// without touching what is reserved for receipts.
pub(super) async fn has_room(log: &Log, messages: usize) -> Result<bool, LogError> {
    let memory = log.memory().await?;
    let after = memory.after(QUEUED.saturating_mul(messages as u64));
    Ok(!after.is_short())
}

async fn report(store: &Store, campaign: &CampaignId, since: Timestamp) {
    let waiting = HashMap::from([(campaign.clone(), waiting(since))]);
    if let Err(error) = store.record_waiting(&waiting, LIFETIME).await {
        tracing::warn!(%campaign, %error, "cannot report what it waits for, trying again");
    }
}

fn waiting(since: Timestamp) -> Waiting {
    Waiting {
        reason: WaitingReason::Memory,
        since,
        detail: "Redis is short of memory".to_owned(),
    }
}

/// Room in the log for what becomes of the messages that a process sends.
#[derive(Default)]
pub(super) struct ResultRoom {
    state: Mutex<State>,
    recorded: Notify,
}

#[derive(Default)]
struct State {
    /// How many messages may be with the vendor although no result is recorded.
    unrecorded: u64,
    /// Since when there is no room, and when that was last found.
    refused: Option<(Timestamp, Instant)>,
}

/// Permission to hand over messages. Dropped once their results are recorded or
/// given up.
pub(super) struct Unrecorded {
    room: Arc<ResultRoom>,
    messages: u64,
}

impl ResultRoom {
    /// Permission to send so many messages more.
    ///
    /// # Errors
    /// [`Denied`] while the log has no room for what becomes of them, or that
    /// cannot be told.
    pub(super) async fn reserve(
        self: &Arc<Self>,
        log: &Log,
        messages: usize,
    ) -> Result<Unrecorded, Denied> {
        let memory = match log.recent_memory(AGE).await {
            Ok(memory) => memory,
            Err(error) => {
                tracing::debug!(%error, "cannot tell whether the log has room");
                return Err(Denied::NoRoom);
            }
        };
        let messages = messages as u64;
        let mut state = self.state();
        if let Err(denied) = check(memory, state.unrecorded, messages) {
            if denied == Denied::NoRoom {
                state.note_refused(memory);
            }
            return Err(denied);
        }
        if state.refused.take().is_some() {
            tracing::info!("Redis has memory again: messages are sent");
        }
        state.unrecorded += messages;
        Ok(Unrecorded {
            room: self.clone(),
            messages,
        })
    }

    /// Waits until there may be room.
    pub(super) async fn until_changed(&self) {
        // Memory that others gave back is found by looking again.
        let _elapsed = tokio::time::timeout(LOOK, self.recorded.notified()).await;
    }

    /// Why nothing is sent, if there was no room lately.
    pub(super) fn waiting(&self) -> Option<Waiting> {
        let (since, at) = self.state().refused?;
        (at.elapsed() < REPEAT).then(|| waiting(since))
    }

    fn give_back(&self, messages: u64) {
        self.state().unrecorded -= messages;
        // Kept for the next one that waits, if nobody waits yet.
        self.recorded.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that is done under this lock can leave anything half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unrecorded {
    /// Keeps the permission for this many messages only.
    pub(super) fn keep(&mut self, messages: usize) {
        let rest = self.messages.saturating_sub(messages as u64);
        self.room.give_back(rest);
        self.messages -= rest;
    }
}

impl State {
    fn note_refused(&mut self, memory: Memory) {
        // An earlier shortage that ended while nothing was to be sent is over.
        let refused = self.refused.filter(|(_, at)| at.elapsed() < LIFETIME);
        if refused.is_none() {
            let Memory { used, max } = memory;
            tracing::warn!(used, max, "Redis is short of memory: nothing is sent");
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

/// Why no more messages may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denied {
    /// The results of those before must be recorded first.
    UntilRecorded,
    /// The log has no room for results.
    NoRoom,
}

fn check(memory: Memory, unrecorded: u64, more: u64) -> Result<(), Denied> {
    let results = (unrecorded + more).saturating_mul(RESULTS);
    let is_alone = unrecorded == 0;
    if memory.is_short() {
        Err(Denied::NoRoom)
    } else if memory.fullness() >= NEARLY_SHORT && !is_alone {
        Err(Denied::UntilRecorded)
    } else if memory.after(results).fullness() < 1.0 {
        Ok(())
    } else if is_alone {
        Err(Denied::NoRoom)
    } else {
        Err(Denied::UntilRecorded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEGABYTE: u64 = 1 << 20;

    fn checked(used: u64, unrecorded: u64) -> Result<(), Denied> {
        let memory = Memory {
            used: used * MEGABYTE,
            max: 1_000 * MEGABYTE,
        };
        check(memory, unrecorded, 100)
    }

    #[test]
    fn the_reserve_is_left_to_the_results_of_what_was_sent() {
        assert_eq!((checked(0, 0), checked(899, 3_000)), (Ok(()), Ok(())));
        let denied = Err(Denied::NoRoom);
        assert_eq!((checked(950, 0), checked(1_000, 3_000)), (denied, denied));
    }

    #[test]
    fn while_memory_is_nearly_short_one_batch_is_sent_at_a_time() {
        assert_eq!((checked(900, 0), checked(949, 0)), (Ok(()), Ok(())));
        assert_eq!(checked(900, 1), Err(Denied::UntilRecorded));
    }

    #[test]
    fn no_more_is_sent_than_there_is_room_to_record() {
        let memory = Memory {
            used: 899 * 1_024,
            max: 1_000 * 1_024,
        };
        assert_eq!(check(memory, 0, 100), Ok(()));
        assert_eq!(check(memory, 10, 100), Err(Denied::UntilRecorded));
        assert_eq!(check(memory, 0, 102), Err(Denied::NoRoom));
        let unbounded = Memory { max: 0, ..memory };
        assert_eq!(check(unbounded, 1_000_000, 100), Ok(()));
    }

    #[test]
    fn what_is_recorded_makes_room() {
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
