//! Access to the vendor, shared by all campaigns of a process: one client, one circuit
//! breaker, one limit on requests in flight.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::{MessageId, Text};
use projections::{Waiting, WaitingReason};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::breaker::{Breaker, Permit, Transition, VendorState};
use super::clearance::{Begun, Gate, GateProgress, SendDecision, Stage};
use super::memory::ResultRoom;
use super::metrics;
use super::outcome::SendOutcome;
use super::unserved::Unserved;
use super::vendor::{Outgoing, VendorAnswer, VendorClient, VendorReply};
use crate::clock::now;
use crate::config::{Delivery, VendorAt};

/// Extra time to wait for a probe, beyond the timeout of its request.
const MARGIN: Duration = Duration::from_secs(1);

/// Access to the vendor, shared by all lanes of a process.
pub(crate) struct Outlet {
    vendor: VendorClient,
    breaker: Mutex<Breaker>,
    /// Reason why the breaker is open, while it is.
    waiting: Mutex<Option<Waiting>>,
    unserved: Mutex<Unserved>,
    /// Number of attempts allowed per message.
    attempts: u32,
    room: Arc<Semaphore>,
    /// Room in the log for the results of messages.
    pub(super) results: Arc<ResultRoom>,
}

impl Outlet {
    /// Creates the access to the vendor at these URLs.
    ///
    /// # Errors
    /// If the HTTP client cannot be set up.
    pub(crate) fn new(at: VendorAt, delivery: &Delivery) -> reqwest::Result<Self> {
        metrics::breaker(false);
        Ok(Self {
            vendor: VendorClient::new(at, delivery)?,
            breaker: Mutex::new(Breaker::new(delivery.timeout + MARGIN)),
            waiting: Mutex::default(),
            unserved: Mutex::default(),
            attempts: delivery.attempts,
            room: Arc::new(Semaphore::new(delivery.concurrency.max(1).into())),
            results: Arc::default(),
        })
    }

    /// Waits for a slot for one request in flight, and holds it until the permit is
    /// dropped.
    pub(super) async fn room(&self) -> Option<OwnedSemaphorePermit> {
        // Never `None`: the semaphore is not closed.
        self.room.clone().acquire_owned().await.ok()
    }

    /// Returns how long the breaker stays open, if it is.
    pub(super) fn closed_for(&self) -> Option<Duration> {
        self.breaker().closed_for(Instant::now())
    }

    /// Returns the reason why nothing is sent, if there is one: the breaker is open, or
    /// the log has no room for results.
    pub(super) fn waiting(&self) -> Option<Waiting> {
        let breaker = lock(&self.waiting).clone();
        breaker.or_else(|| self.results.waiting())
    }

    /// Returns a permit for one request, unless the breaker is open.
    pub(super) fn acquire_permit(&self) -> Option<Permit> {
        self.breaker().acquire(Instant::now()).ok()
    }

    /// Returns the size of the next batch, taken from the front of these messages.
    /// Each comes with the number of its failed attempts.
    pub(super) fn next_batch<'a>(
        &self,
        messages: impl Iterator<Item = (&'a MessageId, u32)>,
    ) -> usize {
        lock(&self.unserved).next_batch(messages, self.attempts)
    }

    /// Sends a batch in one request, with the messages that their heads still permit
    /// when it can be written. Returns the outcome of each message, in the order of
    /// the batch.
    pub(super) async fn send(
        &self,
        permit: Permit,
        batch: &[(&MessageId, Outgoing<'_>)],
        mut gate: Gate,
    ) -> Vec<SendOutcome> {
        let watch = gate.progress_handle();
        // Checked once before connecting, so that the vendor rarely sees a request
        // that is aborted when `pass` finds nothing left to send.
        gate.renew().await;
        let offered = gate.open();
        let reply = self.offer(batch, &offered, gate).await;
        let progress = watch.progress();
        let reply = reply.and_then(|reply| unless_withheld(reply, progress.stage));
        let is_sent = |place: &usize| progress.decisions[*place].is_send();
        let reply = match reply {
            None => {
                self.record(permit, VendorState::Unknown, None);
                VendorReply::Whole(VendorAnswer::Withheld(SendDecision::Hold))
            }
            Some(reply) => {
                let reply = reply.only(offered.iter().map(is_sent));
                let sent = offered.iter().filter(|place| is_sent(place));
                let sent: Vec<&MessageId> = sent.map(|place| batch[*place].0).collect();
                // Before the breaker: the fault of one message must not open it.
                let (reply, found) =
                    self.blame(&sent, offered.len(), permit, progress.stage, reply);
                self.record(permit, found, reply.vendor_problem());
                reply
            }
        };
        send_outcomes(permit, progress, reply)
    }

    /// Sends the messages at these indices of a batch; `None` if there are none.
    async fn offer(
        &self,
        batch: &[(&MessageId, Outgoing<'_>)],
        offered: &[usize],
        gate: Gate,
    ) -> Option<VendorReply> {
        if offered.is_empty() {
            return None;
        }
        let messages: Vec<Outgoing<'_>> = offered.iter().map(|at| batch[*at].1).collect();
        let offered = offered.to_vec();
        let pass = async move {
            let open = gate.pass().await?;
            let offered = offered.iter().enumerate();
            let places = offered.filter(|(_, at)| open.binary_search(at).is_ok());
            Ok(places.map(|(place, _)| place).collect())
        };
        Some(self.vendor.send(&messages, pass).await)
    }

    fn record(&self, permit: Permit, found: VendorState, problem: Option<&Text<256>>) {
        let turn = self.breaker().record(permit, found, Instant::now());
        match (turn, problem) {
            (Some(Transition::Opened(wait)), Some(problem)) => {
                let problem = problem.as_str();
                tracing::warn!(
                    problem,
                    ?wait,
                    "the vendor is unavailable: sending is paused"
                );
                metrics::breaker(true);
                let mut waiting = lock(&self.waiting);
                let since = waiting.as_ref().map_or_else(now, |before| before.since);
                *waiting = Some(Waiting {
                    reason: WaitingReason::Breaker,
                    since,
                    detail: format!("the vendor {problem}"),
                });
            }
            (Some(Transition::Closed), _) => {
                tracing::info!("the vendor is available again");
                metrics::breaker(false);
                *lock(&self.waiting) = None;
            }
            _ => {}
        }
    }

    /// Tracks which messages were served, to find a message that is never served
    /// although others are. If such a message is alone in its request, its attempt
    /// counts as failed, so that it is not tried forever. `offered` is the number of
    /// messages for which the request was sized, `sent` those that remained when it was
    /// written. Returns the reply as it applies to the messages, and what it shows about
    /// the vendor.
    fn blame(
        &self,
        sent: &[&MessageId],
        offered: usize,
        permit: Permit,
        stage: Stage,
        reply: VendorReply,
    ) -> (VendorReply, VendorState) {
        let (found, now) = (reply.vendor_state(), Instant::now());
        let mut unserved = lock(&self.unserved);
        match reply {
            VendorReply::Each(answers) => {
                for (message, answer) in sent.iter().zip(&answers) {
                    match answer {
                        VendorAnswer::Accepted(_) => unserved.note_taken(message, now),
                        _ => unserved.forget(message),
                    }
                }
                (VendorReply::Each(answers), found)
            }
            // One of them is at fault, or the batch is too large. The body is as
            // long as that of all offered messages, so that even a single
            // remaining message may have been rejected because of the others.
            VendorReply::Whole(VendorAnswer::Refused(_)) if offered > 1 => {
                unserved.isolate(sent);
                (VendorReply::Whole(VendorAnswer::BatchRefused), found)
            }
            VendorReply::Whole(VendorAnswer::Unserved(problem))
                if permit == Permit::Send && matches!(stage, Stage::Begun(_)) =>
            {
                let is_own = unserved.note_unserved(sent, now);
                match (is_own, sent.len()) {
                    (false, _) => (VendorReply::Whole(VendorAnswer::Unserved(problem)), found),
                    (true, 1) => (
                        VendorReply::Whole(VendorAnswer::Failed(problem)),
                        VendorState::Up,
                    ),
                    // Smaller batches will show which of them is at fault.
                    (true, _) => (
                        VendorReply::Whole(VendorAnswer::Unserved(problem)),
                        VendorState::Unknown,
                    ),
                }
            }
            reply @ VendorReply::Whole(_) => (reply, found),
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        lock(&self.breaker)
    }
}

/// Drops the reply to a request that was aborted before it was written, since it says
/// nothing about the vendor.
fn unless_withheld(reply: VendorReply, stage: Stage) -> Option<VendorReply> {
    match (&reply, stage) {
        (VendorReply::Whole(VendorAnswer::Unavailable(_)), Stage::Checking | Stage::Withheld) => {
            None
        }
        _ => Some(reply),
    }
}

/// Combines the decisions about a batch with the reply to the messages that were not
/// withheld. Returns the outcome of each message.
fn send_outcomes(permit: Permit, progress: GateProgress, reply: VendorReply) -> Vec<SendOutcome> {
    let GateProgress { stage, decisions } = progress;
    let mut answers = reply.into_answers(decisions.len()).into_iter();
    let tried = |decision| match decision {
        SendDecision::Send(clearance) => SendOutcome {
            // The fallback is not reached: each sent message has an answer.
            answer: answers
                .next()
                .unwrap_or(VendorAnswer::Withheld(SendDecision::Hold)),
            permit,
            begun: match stage {
                Stage::Begun(at) => Some(Begun { at, clearance }),
                Stage::Connecting | Stage::Checking | Stage::Withheld => None,
            },
        },
        withheld => SendOutcome {
            answer: VendorAnswer::Withheld(withheld),
            permit,
            begun: None,
        },
    };
    decisions.into_iter().map(tried).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic under one of these locks leaves a value that is still usable.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;

    use super::super::clearance::Clearance;
    use super::*;

    fn outlet() -> Outlet {
        let at = VendorAt::new("http://127.0.0.1:9", "http://127.0.0.1:9").unwrap();
        Outlet::new(at, &Delivery::default()).unwrap()
    }

    fn messages(numbers: std::ops::Range<usize>) -> Vec<MessageId> {
        let message = |n| format!("msg_{:032x}_c-{n:04}", 7).parse().unwrap();
        numbers.map(message).collect()
    }

    fn problem(problem: &str) -> Text<256> {
        problem.to_owned().try_into().unwrap()
    }

    /// Applies the reply to a request for `offered` messages, of which `sent` remained.
    fn blame(
        outlet: &Outlet,
        sent: &[MessageId],
        offered: usize,
        reply: VendorReply,
    ) -> VendorReply {
        let sent: Vec<&MessageId> = sent.iter().collect();
        let stage = Stage::Begun(Timestamp::EPOCH);
        outlet.blame(&sent, offered, Permit::Send, stage, reply).0
    }

    fn next_batch(outlet: &Outlet, messages: &[MessageId]) -> usize {
        outlet.next_batch(messages.iter().map(|message| (message, 0)))
    }

    /// Repeated errors, with accepted messages in between.
    #[test]
    fn errors_of_the_vendor_do_not_split_batches() {
        let (outlet, all, other) = (outlet(), messages(0..100), messages(200..201));
        for answer in [
            VendorAnswer::Failed(problem("answered 500")),
            VendorAnswer::Unavailable(problem("answered 502")),
        ] {
            for _ in 0..10 {
                let taken = VendorAnswer::Accepted("vm_1".to_owned().try_into().unwrap());
                blame(&outlet, &other, 1, VendorReply::Each(vec![taken]));
                let reply = VendorReply::Whole(answer.clone());
                assert_eq!(blame(&outlet, &all, 100, reply.clone()), reply);
                assert_eq!(next_batch(&outlet, &all), 100);
            }
        }
    }

    #[test]
    fn a_message_offered_with_others_is_not_rejected_itself() {
        let (outlet, all) = (outlet(), messages(0..3));
        let refused = || VendorReply::Whole(VendorAnswer::Refused(problem("answered 413")));
        let together = VendorReply::Whole(VendorAnswer::BatchRefused);
        assert_eq!(blame(&outlet, &all[..2], 3, refused()), together);
        assert_eq!(blame(&outlet, &all[2..], 3, refused()), together);
        assert_eq!(next_batch(&outlet, &all), 1);
        assert_eq!(blame(&outlet, &all[..1], 1, refused()), refused());
    }

    #[test]
    fn a_request_that_was_not_written_says_nothing_about_the_vendor() {
        let away = || {
            let problem = "broke off the connection".to_owned();
            VendorReply::Whole(VendorAnswer::Unavailable(problem.try_into().unwrap()))
        };
        assert_eq!(unless_withheld(away(), Stage::Checking), None);
        assert_eq!(unless_withheld(away(), Stage::Withheld), None);
        assert_eq!(unless_withheld(away(), Stage::Connecting), Some(away()));
    }

    #[test]
    fn answers_are_matched_to_the_messages_that_were_sent() {
        let clearance = Clearance::at(Instant::now());
        let at = Timestamp::EPOCH;
        let progress = GateProgress {
            stage: Stage::Begun(at),
            decisions: vec![
                SendDecision::Hold,
                SendDecision::Send(clearance),
                SendDecision::Unsubscribed,
                SendDecision::Send(clearance),
            ],
        };
        let taken = |id: &str| VendorAnswer::Accepted(id.to_owned().try_into().unwrap());
        let reply = VendorReply::Each(vec![taken("vm_1"), taken("vm_2")]);
        let tried = send_outcomes(Permit::Send, progress, reply);
        let begun = Some(Begun { at, clearance });
        let expected = [
            (VendorAnswer::Withheld(SendDecision::Hold), None),
            (taken("vm_1"), begun),
            (VendorAnswer::Withheld(SendDecision::Unsubscribed), None),
            (taken("vm_2"), begun),
        ];
        let tried = tried.into_iter().map(|one| (one.answer, one.begun));
        assert_eq!(tried.collect::<Vec<_>>(), expected);
    }
}
