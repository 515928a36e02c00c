//! The one way out of a process: the vendor, as all campaigns share it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::breaker::{Breaker, Permit, Turn};
use super::clearance::{Decision, Gate, Stage};
use super::outcome::Tried;
use super::vendor::{Answer, Outgoing, Vendor};
use super::{Delivery, VendorAt, metrics};

/// How much longer than a request may take a probe is waited for.
const MARGIN: Duration = Duration::from_secs(1);

/// Shared by all lanes.
pub(crate) struct Outlet {
    vendor: Vendor,
    breaker: Mutex<Breaker>,
    room: Arc<Semaphore>,
}

impl Outlet {
    /// To the vendor there.
    ///
    /// # Errors
    /// If there can be no client at all.
    pub(crate) fn new(at: VendorAt, delivery: &Delivery) -> reqwest::Result<Self> {
        metrics::breaker(false);
        Ok(Self {
            vendor: Vendor::new(at, delivery)?,
            breaker: Mutex::new(Breaker::new(delivery.timeout + MARGIN)),
            room: Arc::new(Semaphore::new(delivery.concurrency.max(1).into())),
        })
    }

    /// Waits until one more request may be in flight; it is while this is held.
    pub(super) async fn room(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        self.room.clone().acquire_owned().await.ok()
    }

    /// How long the vendor is still left alone, if it is.
    pub(super) fn closed_for(&self) -> Option<Duration> {
        self.breaker().closed_for(Instant::now())
    }

    /// Leave to send one request, if the vendor is not left alone.
    pub(super) fn ask(&self) -> Option<Permit> {
        self.breaker().ask(Instant::now()).ok()
    }

    /// Hands over one message, if its heads still permit it when the request
    /// can be written.
    pub(super) async fn send(
        &self,
        permit: Permit,
        message: Outgoing<'_>,
        mut gate: Gate,
    ) -> Tried {
        let progress = gate.progress();
        // A first look, so that the vendor seldom sees a request broken off.
        let answer = match gate.renew().await {
            Decision::Send(_) => self.vendor.send(message, gate.pass()).await,
            decision => Answer::Withheld(decision),
        };
        let answer = match (answer, progress.stage()) {
            (Answer::Away(_), Stage::Checking) => Answer::Withheld(Decision::Hold),
            (Answer::Away(_), Stage::Withheld(decision)) => Answer::Withheld(decision),
            (answer, _) => answer,
        };
        self.note(permit, &answer);
        Tried {
            answer,
            permit,
            begun: progress.begun(),
        }
    }

    fn note(&self, permit: Permit, answer: &Answer) {
        let turn = self.breaker().note(permit, answer.found(), Instant::now());
        match (turn, answer) {
            (Some(Turn::Opened(wait)), Answer::Away(problem)) => {
                tracing::warn!(problem = problem.as_str(), ?wait, "the vendor is away");
                metrics::breaker(true);
            }
            (Some(Turn::Closed), _) => {
                tracing::info!("the vendor is back");
                metrics::breaker(false);
            }
            _ => {}
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        // Nothing that is done under the lock can leave it half done.
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
