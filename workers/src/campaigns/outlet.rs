//! The vendor as all campaigns of a process share it: one client, one circuit
//! breaker, one limit on requests in flight.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::{MessageId, Text};
use projections::{Waiting, WaitingReason};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::breaker::{Breaker, Found, Permit, Turn};
use super::clearance::{Begun, Decision, Gate, Progress, Stage};
use super::memory::ResultRoom;
use super::outcome::Tried;
use super::unserved::Unserved;
use super::vendor::{Answer, Outgoing, Reply, Vendor};
use super::{Delivery, VendorAt, metrics, now};

/// How much longer than the timeout of a request a probe is waited for.
const MARGIN: Duration = Duration::from_secs(1);

/// Shared by all lanes.
pub(crate) struct Outlet {
    vendor: Vendor,
    breaker: Mutex<Breaker>,
    /// Why the breaker is open, while it is.
    waiting: Mutex<Option<Waiting>>,
    unserved: Mutex<Unserved>,
    /// How often a message is tried.
    attempts: u32,
    room: Arc<Semaphore>,
    /// Room in the log for what becomes of messages.
    pub(super) results: Arc<ResultRoom>,
}

impl Outlet {
    /// For the vendor at these URLs.
    ///
    /// # Errors
    /// If the HTTP client cannot be set up.
    pub(crate) fn new(at: VendorAt, delivery: &Delivery) -> reqwest::Result<Self> {
        metrics::breaker(false);
        Ok(Self {
            vendor: Vendor::new(at, delivery)?,
            breaker: Mutex::new(Breaker::new(delivery.timeout + MARGIN)),
            waiting: Mutex::default(),
            unserved: Mutex::default(),
            attempts: delivery.attempts,
            room: Arc::new(Semaphore::new(delivery.concurrency.max(1).into())),
            results: Arc::default(),
        })
    }

    /// Waits for a slot for one more request in flight, and takes it until the
    /// permit is dropped.
    pub(super) async fn room(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        self.room.clone().acquire_owned().await.ok()
    }

    /// How long the breaker stays open, if it is.
    pub(super) fn closed_for(&self) -> Option<Duration> {
        self.breaker().closed_for(Instant::now())
    }

    /// Why nothing is sent, if nothing is: the breaker is open, or the log has no
    /// room for results.
    pub(super) fn waiting(&self) -> Option<Waiting> {
        let breaker = lock(&self.waiting).clone();
        breaker.or_else(|| self.results.waiting())
    }

    /// Permission to send one request, unless the breaker is open.
    pub(super) fn ask(&self) -> Option<Permit> {
        self.breaker().ask(Instant::now()).ok()
    }

    /// The size of the next batch, which takes these messages from the front.
    /// Each comes with the number of its failed attempts.
    pub(super) fn next_batch<'a>(
        &self,
        messages: impl Iterator<Item = (&'a MessageId, u32)>,
    ) -> usize {
        lock(&self.unserved).next_batch(messages, self.attempts)
    }

    /// Sends messages in one request: those that their heads still permit when
    /// it can be written. Returns the outcome of each, in their order.
    pub(super) async fn send(
        &self,
        permit: Permit,
        batch: &[(&MessageId, Outgoing<'_>)],
        mut gate: Gate,
    ) -> Vec<Tried> {
        let watch = gate.watch();
        // Checked once before connecting, so that the vendor seldom sees a
        // request that is broken off.
        gate.renew().await;
        let offered = gate.open();
        let reply = self.offer(batch, &offered, gate).await;
        let progress = watch.progress();
        let reply = reply.and_then(|reply| unless_withheld(reply, progress.stage));
        let is_sent = |place: &usize| progress.decisions[*place].is_send();
        let reply = match reply {
            None => {
                self.note(permit, Found::Nothing, None);
                Reply::Whole(Answer::Withheld(Decision::Hold))
            }
            Some(reply) => {
                let reply = reply.only(offered.iter().map(is_sent));
                let sent = offered.iter().filter(|place| is_sent(place));
                let sent: Vec<&MessageId> = sent.map(|place| batch[*place].0).collect();
                // Before the breaker is told: a message at fault must not open it.
                let (reply, found) =
                    self.blame(&sent, offered.len(), permit, progress.stage, reply);
                self.note(permit, found, reply.trouble());
                reply
            }
        };
        tried(permit, progress, reply)
    }

    /// Sends the messages at these places of a batch; `None` if there are none.
    async fn offer(
        &self,
        batch: &[(&MessageId, Outgoing<'_>)],
        offered: &[usize],
        gate: Gate,
    ) -> Option<Reply> {
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

    fn note(&self, permit: Permit, found: Found, problem: Option<&Text<256>>) {
        let turn = self.breaker().note(permit, found, Instant::now());
        match (turn, problem) {
            (Some(Turn::Opened(wait)), Some(problem)) => {
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

    /// Remembers which messages were served, to find one that never is although
    /// others are: alone in its request it has then failed, and is not tried
    /// forever. The request had `offered` messages, of which those that are
    /// `sent` remained when it was written. Returns what the reply means to
    /// them, and what it says about the vendor.
    fn blame(
        &self,
        sent: &[&MessageId],
        offered: usize,
        permit: Permit,
        stage: Stage,
        reply: Reply,
    ) -> (Reply, Found) {
        let (found, now) = (reply.found(), Instant::now());
        let mut unserved = lock(&self.unserved);
        match reply {
            Reply::Each(answers) => {
                for (message, answer) in sent.iter().zip(&answers) {
                    match answer {
                        Answer::Taken(_) => unserved.note_taken(message, now),
                        _ => unserved.forget(message),
                    }
                }
                (Reply::Each(answers), found)
            }
            // One of them is at fault, or they are too many or too large. The
            // body is as long as all that were offered, so that even one that
            // remained may have been refused for the sake of the others.
            Reply::Whole(Answer::Refused(_)) if offered > 1 => {
                unserved.isolate(sent);
                (Reply::Whole(Answer::RefusedTogether), found)
            }
            Reply::Whole(Answer::Unserved(problem))
                if permit == Permit::Send && matches!(stage, Stage::Begun(_)) =>
            {
                let is_own = unserved.note_unserved(sent, now);
                match (is_own, sent.len()) {
                    (false, _) => (Reply::Whole(Answer::Unserved(problem)), found),
                    (true, 1) => (Reply::Whole(Answer::Failed(problem)), Found::There),
                    // Smaller batches find out which of them is at fault.
                    (true, _) => (Reply::Whole(Answer::Unserved(problem)), Found::Nothing),
                }
            }
            reply @ Reply::Whole(_) => (reply, found),
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        lock(&self.breaker)
    }
}

/// A request that was broken off before it was written says nothing about the
/// vendor.
fn unless_withheld(reply: Reply, stage: Stage) -> Option<Reply> {
    match (&reply, stage) {
        (Reply::Whole(Answer::Away(_)), Stage::Checking | Stage::Withheld) => None,
        _ => Some(reply),
    }
}

/// The outcome of each message of a batch, from the reply to those that were not
/// withheld.
fn tried(permit: Permit, progress: Progress, reply: Reply) -> Vec<Tried> {
    let Progress { stage, decisions } = progress;
    let mut answers = reply.into_answers(decisions.len()).into_iter();
    let tried = |decision| match decision {
        Decision::Send(clearance) => Tried {
            // There is an answer for each that was sent.
            answer: answers.next().unwrap_or(Answer::Withheld(Decision::Hold)),
            permit,
            begun: match stage {
                Stage::Begun(at) => Some(Begun { at, clearance }),
                Stage::Connecting | Stage::Checking | Stage::Withheld => None,
            },
        },
        withheld => Tried {
            answer: Answer::Withheld(withheld),
            permit,
            begun: None,
        },
    };
    decisions.into_iter().map(tried).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that is done under these locks can leave anything half done.
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

    /// What a request with these messages, of `offered`, makes of them.
    fn blame(outlet: &Outlet, sent: &[MessageId], offered: usize, reply: Reply) -> Reply {
        let sent: Vec<&MessageId> = sent.iter().collect();
        let stage = Stage::Begun(Timestamp::EPOCH);
        outlet.blame(&sent, offered, Permit::Send, stage, reply).0
    }

    fn next_batch(outlet: &Outlet, messages: &[MessageId]) -> usize {
        outlet.next_batch(messages.iter().map(|message| (message, 0)))
    }

    /// However often, and whatever the vendor takes in between.
    #[test]
    fn errors_of_the_vendor_do_not_divide_batches() {
        let (outlet, all, other) = (outlet(), messages(0..100), messages(200..201));
        for answer in [
            Answer::Failed(problem("answered 500")),
            Answer::Away(problem("answered 502")),
        ] {
            for _ in 0..10 {
                let taken = Answer::Taken("vm_1".to_owned().try_into().unwrap());
                blame(&outlet, &other, 1, Reply::Each(vec![taken]));
                let reply = Reply::Whole(answer.clone());
                assert_eq!(blame(&outlet, &all, 100, reply.clone()), reply);
                assert_eq!(next_batch(&outlet, &all), 100);
            }
        }
    }

    #[test]
    fn a_message_that_was_offered_with_others_is_not_refused_itself() {
        let (outlet, all) = (outlet(), messages(0..3));
        let refused = || Reply::Whole(Answer::Refused(problem("answered 413")));
        let together = Reply::Whole(Answer::RefusedTogether);
        assert_eq!(blame(&outlet, &all[..2], 3, refused()), together);
        assert_eq!(blame(&outlet, &all[2..], 3, refused()), together);
        assert_eq!(next_batch(&outlet, &all), 1);
        assert_eq!(blame(&outlet, &all[..1], 1, refused()), refused());
    }

    #[test]
    fn a_request_that_was_not_written_does_not_find_the_vendor_away() {
        let away = || {
            let problem = "broke off the connection".to_owned();
            Reply::Whole(Answer::Away(problem.try_into().unwrap()))
        };
        assert_eq!(unless_withheld(away(), Stage::Checking), None);
        assert_eq!(unless_withheld(away(), Stage::Withheld), None);
        assert_eq!(unless_withheld(away(), Stage::Connecting), Some(away()));
    }

    #[test]
    fn answers_are_of_the_messages_that_were_sent() {
        let clearance = Clearance::at(Instant::now());
        let at = Timestamp::EPOCH;
        let progress = Progress {
            stage: Stage::Begun(at),
            decisions: vec![
                Decision::Hold,
                Decision::Send(clearance),
                Decision::Unsubscribed,
                Decision::Send(clearance),
            ],
        };
        let taken = |id: &str| Answer::Taken(id.to_owned().try_into().unwrap());
        let reply = Reply::Each(vec![taken("vm_1"), taken("vm_2")]);
        let tried = tried(Permit::Send, progress, reply);
        let begun = Some(Begun { at, clearance });
        let expected = [
            (Answer::Withheld(Decision::Hold), None),
            (taken("vm_1"), begun),
            (Answer::Withheld(Decision::Unsubscribed), None),
            (taken("vm_2"), begun),
        ];
        let tried = tried.into_iter().map(|one| (one.answer, one.begun));
        assert_eq!(tried.collect::<Vec<_>>(), expected);
    }
}
