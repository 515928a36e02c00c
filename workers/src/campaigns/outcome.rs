//! Turns the vendor's answer to a message into what is recorded of it.

use std::time::Duration;

use domain::{Attempt, Handover, MessageCommand, Suppression, Text, Timestamp};

use super::breaker::Permit;
use super::clearance::{Begun, Decision};
use super::vendor::Answer;
use super::{Delivery, backoff};

/// The longest that the vendor can defer a message. It is asked again then.
const LONGEST_DEFERRAL: Duration = Duration::from_secs(60 * 60);

/// How far the clocks of two hosts may differ.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// A message of a request, and the vendor's answer to it.
#[derive(Debug)]
pub(super) struct Tried {
    pub(super) answer: Answer,
    /// The permit of the request that it was in.
    pub(super) permit: Permit,
    /// When and with which clearance it was written, if it was.
    pub(super) begun: Option<Begun>,
}

impl Tried {
    /// How long a pause the vendor asks for, if it does.
    pub(super) fn asks_for_rest(&self) -> Option<Duration> {
        match self.answer {
            Answer::Busy(rest) => Some(rest),
            _ => None,
        }
    }
}

/// The commands that record the outcome of a message with this many failed
/// attempts before. `share` is the jitter, from 0 to 1.
///
/// There are none where no attempt was made: the request was not written or was
/// a probe without an answer, the vendor asked for a pause or serves no
/// messages, or a batch was refused as a whole. A deferral is an attempt, so
/// that no message is put off forever. Its rest is what the vendor asks for, but
/// no shorter than the usual backoff and, apart from that, no longer than
/// [`LONGEST_DEFERRAL`].
pub(super) fn commands(
    tried: Tried,
    attempts: u32,
    delivery: &Delivery,
    now: Timestamp,
    share: f64,
) -> Vec<MessageCommand> {
    let Tried {
        answer,
        permit,
        begun,
    } = tried;
    let number = attempts + 1;
    let attempt = |problem: &Text<256>, rest: Duration| {
        MessageCommand::RecordAttempt(Attempt {
            number,
            problem: problem.clone(),
            retry_at: later(now, rest),
        })
    };
    match (answer, permit) {
        (Answer::Taken(vendor_message_id), _) => {
            vec![MessageCommand::RecordSent(Handover {
                vendor_message_id,
                began_at: begun.map(|begun| begun.at),
                customer_seen: begun.map(|begun| begun.clearance.customer_seen),
            })]
        }
        (Answer::Withheld(Decision::Unsubscribed), _) => {
            vec![MessageCommand::Suppress(Suppression::Unsubscribed)]
        }
        (Answer::Withheld(_) | Answer::Unserved(_) | Answer::RefusedTogether, _) => Vec::new(),
        (Answer::Busy(_), _) | (Answer::Away(_), Permit::Probe) => Vec::new(),
        (Answer::Failed(problem) | Answer::Away(problem), _) if number < delivery.attempts => {
            vec![attempt(&problem, backoff::rest(delivery, number, share))]
        }
        (Answer::Deferred { problem, rest }, _) if number < delivery.attempts => {
            let least = backoff::rest(delivery, number, share);
            let rest = rest.unwrap_or_default().min(LONGEST_DEFERRAL);
            vec![attempt(&problem, rest.max(least))]
        }
        (
            Answer::Failed(problem)
            | Answer::Away(problem)
            | Answer::Deferred { problem, .. }
            | Answer::Refused(problem),
            _,
        ) => {
            vec![
                attempt(&problem, Duration::ZERO),
                MessageCommand::GiveUp(problem),
            ]
        }
    }
}

/// The latest instant that a message can be due at. One that is due later was
/// recorded before the clock was put back, and is sent now.
pub(super) fn latest_due(now: Timestamp, delivery: &Delivery) -> Timestamp {
    let backoff = delivery.longest_backoff.saturating_mul(2);
    later(now, backoff.max(LONGEST_DEFERRAL + CLOCK_SKEW))
}

fn later(now: Timestamp, rest: Duration) -> Timestamp {
    let rest = i64::try_from(rest.as_millis()).unwrap_or(i64::MAX);
    let at = Timestamp::from_millis(now.millis().saturating_add(rest));
    at.unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<const MAX: usize>(text: &str) -> Text<MAX> {
        Text::try_from(text.to_owned()).unwrap()
    }

    /// What is recorded, in short.
    fn made(answer: Answer, permit: Permit, attempts: u32) -> Vec<String> {
        let delivery = Delivery::default();
        let tried = Tried {
            answer,
            permit,
            begun: None,
        };
        let made = commands(tried, attempts, &delivery, Timestamp::EPOCH, 1.0);
        let short = |command| match command {
            MessageCommand::RecordSent(handover) => {
                format!("sent {}", handover.vendor_message_id.as_str())
            }
            MessageCommand::RecordAttempt(attempt) => {
                format!("attempt {} {}", attempt.number, attempt.retry_at.millis())
            }
            MessageCommand::GiveUp(problem) => format!("gave up: {}", problem.as_str()),
            other => format!("{other:?}"),
        };
        made.into_iter().map(short).collect()
    }

    #[test]
    fn a_message_that_is_taken_is_sent_even_by_a_probe() {
        for permit in [Permit::Send, Permit::Probe] {
            assert_eq!(made(Answer::Taken(text("vm_1")), permit, 3), ["sent vm_1"]);
        }
    }

    #[test]
    fn what_failed_is_tried_again_later_and_later_and_then_given_up() {
        for answer in [Answer::Failed(text("500")), Answer::Away(text("500"))] {
            assert_eq!(made(answer.clone(), Permit::Send, 0), ["attempt 1 1000"]);
            assert_eq!(made(answer.clone(), Permit::Send, 6), ["attempt 7 60000"]);
            let last = ["attempt 8 0", "gave up: 500"];
            assert_eq!(made(answer, Permit::Send, 7), last);
        }
    }

    #[test]
    fn what_is_refused_is_given_up_at_once() {
        let refused = Answer::Refused(text("422"));
        let expected = ["attempt 1 0", "gave up: 422"];
        assert_eq!(made(refused, Permit::Send, 0), expected);
    }

    #[test]
    fn what_is_deferred_rests_for_as_long_as_the_vendor_says_and_is_an_attempt() {
        let deferred = |seconds: Option<u64>| Answer::Deferred {
            problem: text("deferred"),
            rest: seconds.map(Duration::from_secs),
        };
        let made = |seconds, attempts| made(deferred(seconds), Permit::Send, attempts);
        assert_eq!(made(Some(30), 0), ["attempt 1 30000"]);
        for seconds in [None, Some(0), Some(3)] {
            assert_eq!(made(seconds, 2), ["attempt 3 4000"], "no sooner");
        }
        assert_eq!(
            made(Some(900), 0),
            ["attempt 1 900000"],
            "no backoff cuts it"
        );
        assert_eq!(made(Some(86_400), 0), ["attempt 1 3600000"]);
        let last = ["attempt 8 0", "gave up: deferred"];
        assert_eq!(made(Some(30), 7), last);
    }

    #[test]
    fn the_longest_deferral_and_backoff_are_not_taken_for_a_clock_that_was_put_back() {
        let latest = |longest_backoff| {
            let delivery = Delivery {
                longest_backoff: Duration::from_secs(longest_backoff),
                ..Delivery::default()
            };
            latest_due(Timestamp::EPOCH, &delivery).millis()
        };
        assert_eq!(latest(1), 3_660_000);
        assert_eq!(latest(1_830), 3_660_000);
        assert_eq!(latest(7_200), 14_400_000);
    }

    #[test]
    fn a_batch_that_was_refused_is_no_attempt_of_its_messages() {
        assert!(made(Answer::RefusedTogether, Permit::Send, 7).is_empty());
    }

    #[test]
    fn a_request_that_was_not_written_is_no_attempt() {
        let held = Answer::Withheld(Decision::Hold);
        assert!(made(held, Permit::Send, 7).is_empty());
        let unwanted = Answer::Withheld(Decision::Unsubscribed);
        let suppressed = ["Suppress(Unsubscribed)"];
        assert_eq!(made(unwanted, Permit::Send, 7), suppressed);
    }

    #[test]
    fn a_vendor_that_rests_or_is_away_costs_no_attempt() {
        let busy = Answer::Busy(Duration::from_secs(1));
        assert!(made(busy, Permit::Send, 7).is_empty());
        let unserved = Answer::Unserved(text("answered 401 Unauthorized"));
        assert!(made(unserved, Permit::Send, 7).is_empty());
        let away = Answer::Away(text("could not be reached"));
        assert!(made(away, Permit::Probe, 7).is_empty());
    }
}
