//! The one way out of a process: the vendor, as all campaigns share it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use projections::{Waiting, WaitingReason};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::breaker::{Breaker, Permit, Turn};
use super::clearance::{Decision, Gate, Stage};
use super::outcome::Tried;
use super::unserved::Unserved;
use super::vendor::{Answer, Outgoing, Vendor};
use super::{Delivery, VendorAt, metrics, now};

/// How much longer than a request may take a probe is waited for.
const MARGIN: Duration = Duration::from_secs(1);

/// Shared by all lanes.
pub(crate) struct Outlet {
    vendor: Vendor,
    breaker: Mutex<Breaker>,
    /// Why the breaker is open, while it is.
    waiting: Mutex<Option<Waiting>>,
    unserved: Mutex<Unserved>,
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
            waiting: Mutex::default(),
            unserved: Mutex::default(),
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

    /// Why the breaker is open, if it is.
    pub(super) fn waiting(&self) -> Option<Waiting> {
        lock(&self.waiting).clone()
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
        let (progress, message_id) = (gate.progress(), message.message_id);
        // A first look, so that the vendor seldom sees a request broken off.
        let answer = match gate.renew().await {
            Decision::Send(_) => self.vendor.send(message, gate.pass()).await,
            decision => Answer::Withheld(decision),
        };
        let answer = unless_withheld(answer, progress.stage());
        // First: a message that is to blame itself does not open the breaker.
        let answer = self.blame(message_id, permit, answer);
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
            (Some(Turn::Opened(wait)), Answer::Away(problem) | Answer::Unserved(problem)) => {
                let problem = problem.as_str();
                tracing::warn!(problem, ?wait, "the vendor is away");
                metrics::breaker(true);
                let mut waiting = lock(&self.waiting);
                let since = waiting.as_ref().map_or_else(now, |before| before.since);
                *waiting = Some(Waiting {
                    reason: WaitingReason::Breaker,
                    since,
                    detail: format!("the vendor {problem}"),
                });
            }
            (Some(Turn::Closed), _) => {
                tracing::info!("the vendor is back");
                metrics::breaker(false);
                *lock(&self.waiting) = None;
            }
            _ => {}
        }
    }

    /// Turns an unserved message into a failed attempt if the vendor serves
    /// others: without that it would be tried forever.
    fn blame(&self, message: &str, permit: Permit, answer: Answer) -> Answer {
        match (answer, permit) {
            (Answer::Taken(id), _) => {
                lock(&self.unserved).note_taken(message, Instant::now());
                Answer::Taken(id)
            }
            (Answer::Unserved(problem), Permit::Send)
                if lock(&self.unserved).note_unserved(message, Instant::now()) =>
            {
                Answer::Failed(problem)
            }
            (answer, _) => answer,
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        lock(&self.breaker)
    }
}

/// A request that was broken off before it was written says nothing about the
/// vendor.
fn unless_withheld(answer: Answer, stage: Stage) -> Answer {
    match (answer, stage) {
        (Answer::Away(_), Stage::Checking) => Answer::Withheld(Decision::Hold),
        (Answer::Away(_), Stage::Withheld(decision)) => Answer::Withheld(decision),
        (answer, _) => answer,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that is done under these locks can leave anything half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_was_not_written_does_not_find_the_vendor_away() {
        let away = || Answer::Away("broke off the connection".to_owned().try_into().unwrap());
        let withheld = |stage| unless_withheld(away(), stage);
        assert_eq!(withheld(Stage::Checking), Answer::Withheld(Decision::Hold));
        let unsubscribed = Decision::Unsubscribed;
        assert_eq!(
            withheld(Stage::Withheld(unsubscribed)),
            Answer::Withheld(unsubscribed)
        );
        assert_eq!(withheld(Stage::Connecting), away());
    }
}
