//! Turns the vendor's answer to a message into the commands that record it.

use std::time::Duration;

use domain::{DeliveryAttempt, Handover, MessageCommand, Suppression, Text, Timestamp};

use super::breaker::Permit;
use super::clearance::{Begun, Decision};
use super::vendor::Answer;
use super::{Delivery, backoff};

/// Longest time for which the vendor can defer a message.
const LONGEST_DEFERRAL: Duration = Duration::from_secs(60 * 60);

/// Largest expected difference between the clocks of two hosts.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// Vendor's answer to a message, and the request that it belongs to.
#[derive(Debug)]
pub(super) struct SendOutcome {
    pub(super) answer: Answer,
    /// Permit of the request.
    pub(super) permit: Permit,
    /// Time and clearance with which the message was written, if it was.
    pub(super) begun: Option<Begun>,
}

impl SendOutcome {
    /// Returns the pause that the vendor asks for, if any.
    pub(super) fn requested_pause(&self) -> Option<Duration> {
        match self.answer {
            Answer::Busy(rest) => Some(rest),
            _ => None,
        }
    }
}

/// Returns the commands that record the outcome of a message with this many failed
/// attempts before. `share` is the jitter, from 0 to 1.
///
/// No command is returned if no attempt was made: the request was not written or was
/// a probe without an answer, the vendor asked for a pause or does not serve such
/// requests, or a batch was rejected as a whole. A deferral is an attempt; its delay
/// is what the vendor asks for, at most [`LONGEST_DEFERRAL`] and at least the usual
/// backoff.
pub(super) fn commands(
    tried: SendOutcome,
    attempts: u32,
    delivery: &Delivery,
    now: Timestamp,
    share: f64,
) -> Vec<MessageCommand> {
    let SendOutcome {
        answer,
        permit,
        begun,
    } = tried;
    let number = attempts + 1;
    let attempt = |problem: &Text<256>, rest: Duration| {
        MessageCommand::RecordAttempt(DeliveryAttempt {
            number,
            problem: problem.clone(),
            retry_at: later(now, rest),
        })
    };
    match (answer, permit) {
        (Answer::Accepted(vendor_message_id), _) => {
            vec![MessageCommand::RecordSent(Handover {
                vendor_message_id,
                began_at: begun.map(|begun| begun.at),
                customer_seen: begun.map(|begun| begun.clearance.customer_seen),
            })]
        }
        (Answer::Withheld(Decision::Unsubscribed), _) => {
            vec![MessageCommand::Suppress(Suppression::Unsubscribed)]
        }
        (Answer::Withheld(_) | Answer::Unserved(_) | Answer::BatchRefused, _) => Vec::new(),
        // A probe is sent while the vendor is known to be down, so its failure must
        // not cost the message an attempt.
        (Answer::Busy(_), _) | (Answer::Unavailable(_), Permit::Probe) => Vec::new(),
        (Answer::Failed(problem) | Answer::Unavailable(problem), _)
            if number < delivery.attempts =>
        {
            vec![attempt(&problem, backoff::delay(delivery, number, share))]
        }
        // Counted as an attempt, so that a vendor cannot defer a message forever.
        (Answer::Deferred { problem, rest }, _) if number < delivery.attempts => {
            let least = backoff::delay(delivery, number, share);
            let rest = rest.unwrap_or_default().min(LONGEST_DEFERRAL);
            vec![attempt(&problem, rest.max(least))]
        }
        (
            Answer::Failed(problem)
            | Answer::Unavailable(problem)
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

/// Returns the latest instant at which a message can be due. A later one was recorded
/// before the clock was set back, and the message is sent now.
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

    /// Returns a short form of the commands.
    fn made(answer: Answer, permit: Permit, attempts: u32) -> Vec<String> {
        let delivery = Delivery::default();
        let tried = SendOutcome {
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
    fn an_accepted_message_is_sent_even_by_a_probe() {
        for permit in [Permit::Send, Permit::Probe] {
            assert_eq!(
                made(Answer::Accepted(text("vm_1")), permit, 3),
                ["sent vm_1"]
            );
        }
    }

    #[test]
    fn failures_are_retried_with_backoff_and_then_given_up() {
        for answer in [
            Answer::Failed(text("500")),
            Answer::Unavailable(text("500")),
        ] {
            assert_eq!(made(answer.clone(), Permit::Send, 0), ["attempt 1 1000"]);
            assert_eq!(made(answer.clone(), Permit::Send, 6), ["attempt 7 60000"]);
            let last = ["attempt 8 0", "gave up: 500"];
            assert_eq!(made(answer, Permit::Send, 7), last);
        }
    }

    #[test]
    fn rejected_messages_are_given_up_at_once() {
        let refused = Answer::Refused(text("422"));
        let expected = ["attempt 1 0", "gave up: 422"];
        assert_eq!(made(refused, Permit::Send, 0), expected);
    }

    #[test]
    fn a_deferral_lasts_as_long_as_the_vendor_says_and_costs_an_attempt() {
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
    fn the_longest_deferral_and_backoff_do_not_look_like_a_clock_set_back() {
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
    fn a_rejected_batch_costs_its_messages_no_attempt() {
        assert!(made(Answer::BatchRefused, Permit::Send, 7).is_empty());
    }

    #[test]
    fn a_request_that_was_not_written_costs_no_attempt() {
        let held = Answer::Withheld(Decision::Hold);
        assert!(made(held, Permit::Send, 7).is_empty());
        let unwanted = Answer::Withheld(Decision::Unsubscribed);
        let suppressed = ["Suppress(Unsubscribed)"];
        assert_eq!(made(unwanted, Permit::Send, 7), suppressed);
    }

    #[test]
    fn a_busy_or_unavailable_vendor_costs_no_attempt() {
        let busy = Answer::Busy(Duration::from_secs(1));
        assert!(made(busy, Permit::Send, 7).is_empty());
        let unserved = Answer::Unserved(text("answered 401 Unauthorized"));
        assert!(made(unserved, Permit::Send, 7).is_empty());
        let away = Answer::Unavailable(text("could not be reached"));
        assert!(made(away, Permit::Probe, 7).is_empty());
    }
}
