//! Permission to send a campaign's next request: a slot for a request in flight, room in
//! the log for the results, tokens of the rate, and the circuit breaker's permit.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::CampaignId;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::campaigns::breaker::Permit;
use crate::campaigns::memory::{SendingDenied, Unrecorded};
use crate::campaigns::outlet::Outlet;
use crate::campaigns::rate::{Limiter, Permission, Reserved};
use crate::shared::SharedResources;

/// Interval between checks of whether the circuit breaker has closed.
const LOOK: Duration = Duration::from_millis(250);

/// Admission of one campaign's requests.
pub(super) struct RequestAdmission {
    shared: Arc<SharedResources>,
    outlet: Arc<Outlet>,
    campaign: CampaignId,
    rate: Limiter,
    /// End of the current pause.
    paused_until: Mutex<Option<Instant>>,
    /// Tracker of rejected batches whose messages are not sent one by one yet. Always
    /// closed, since `TaskTracker::wait` completes only on a closed tracker.
    refused: TaskTracker,
}

/// Origin of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestKind {
    /// Messages that are due.
    Batch,
    /// One message of a batch that was rejected.
    Single,
}

/// Result of waiting for permission to send the next request.
pub(super) enum NextRequest {
    Allowed(SendPermits),
    /// The wait was long: the messages must be loaded again.
    Stale,
    Halted,
}

/// Permits for one request, with as many messages as tokens are reserved.
pub(super) struct SendPermits {
    pub(super) room: OwnedSemaphorePermit,
    pub(super) permit: Permit,
    pub(super) reserved: Reserved,
    pub(super) unrecorded: Unrecorded,
}

impl RequestAdmission {
    pub(super) fn new(
        shared: Arc<SharedResources>,
        outlet: Arc<Outlet>,
        campaign: CampaignId,
        per_second: Option<u32>,
    ) -> Self {
        let refused = TaskTracker::new();
        refused.close();
        Self {
            rate: Limiter::new(&shared.log, &campaign, per_second),
            shared,
            outlet,
            campaign,
            paused_until: Mutex::default(),
            refused,
        }
    }

    /// Blocks batches until the token is dropped, because the vendor rejected one.
    pub(super) fn block_batches(&self) -> TaskTrackerToken {
        self.refused.token()
    }

    /// Waits for permission to send the next request, with up to `count` messages.
    pub(super) async fn wait_for_permits(
        &self,
        kind: RequestKind,
        count: usize,
        halt: &CancellationToken,
    ) -> NextRequest {
        let is_blocked = || kind == RequestKind::Batch && !self.refused.is_empty();
        while !halt.is_cancelled() {
            if is_blocked() {
                halt.run_until_cancelled(self.refused.wait()).await;
                return NextRequest::Stale;
            }
            if self.closed_for().is_some() {
                self.wait_until_open(halt).await;
                return NextRequest::Stale;
            }
            let room = halt.run_until_cancelled(self.outlet.room()).await;
            let Some(room) = room.flatten() else {
                return NextRequest::Halted;
            };
            let results = &self.outlet.results;
            let unrecorded = match results.reserve(&self.shared.log, count).await {
                Ok(unrecorded) => unrecorded,
                Err(denied) => {
                    drop(room);
                    halt.run_until_cancelled(results.until_changed()).await;
                    match denied {
                        SendingDenied::UntilRecorded => continue,
                        SendingDenied::NoRoom => return NextRequest::Stale,
                    }
                }
            };
            // Checked again: both may have changed during the waits for a slot and room.
            if is_blocked() || self.pause_left().is_some() {
                continue;
            }
            let wait = match self.rate.reserve(count).await {
                Ok(Permission::Granted(reserved)) => match self.outlet.acquire_permit() {
                    Some(permit) => return grant(room, permit, reserved, unrecorded).await,
                    None => continue,
                },
                Ok(Permission::Wait(wait)) => wait,
                Err(error) => {
                    let campaign = &self.campaign;
                    tracing::warn!(%campaign, %error, "cannot reserve tokens of the campaign's rate, trying again");
                    LOOK
                }
            };
            // Other campaigns may use the slot and the room meanwhile.
            drop((room, unrecorded));
            halt.run_until_cancelled(tokio::time::sleep(wait)).await;
        }
        NextRequest::Halted
    }

    /// Waits until the campaign is not paused and the circuit breaker is closed.
    pub(super) async fn wait_until_open(&self, halt: &CancellationToken) {
        while let Some(left) = self.closed_for()
            && !halt.is_cancelled()
        {
            let sleep = tokio::time::sleep(left.min(LOOK));
            halt.run_until_cancelled(sleep).await;
        }
    }

    /// Returns how long nothing of this campaign may be sent: because of the pause that
    /// the vendor asked for, or of the circuit breaker.
    fn closed_for(&self) -> Option<Duration> {
        self.pause_left().max(self.outlet.closed_for())
    }

    fn pause_left(&self) -> Option<Duration> {
        let until = *self
            .paused_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let left = until?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// Pauses the campaign because the vendor asks for it.
    pub(super) fn pause_for_vendor(&self, rest: Duration) {
        if self.pause_left().is_none() {
            tracing::info!(campaign = %self.campaign, ?rest, "the vendor is busy: the campaign pauses");
        }
        self.pause_for(rest);
    }

    /// Pauses the campaign for at least this time.
    pub(super) fn pause_for(&self, rest: Duration) {
        let until = Instant::now() + rest;
        let mut paused_until = self
            .paused_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *paused_until = (*paused_until).max(Some(until));
    }
}

async fn grant(
    room: OwnedSemaphorePermit,
    permit: Permit,
    mut reserved: Reserved,
    mut unrecorded: Unrecorded,
) -> NextRequest {
    // One message is enough to find out whether the vendor is up again.
    if permit == Permit::Probe {
        reserved.keep(1).await;
    }
    unrecorded.keep(reserved.count());
    NextRequest::Allowed(SendPermits {
        room,
        permit,
        reserved,
        unrecorded,
    })
}
