//! Turns the vendor's answer to a message into the commands that record it.

use std::time::Duration;

use domain::{DeliveryAttempt, Handover, MessageCommand, Text, Timestamp};

use super::backoff::{self, LONGEST_DEFERRAL, later};
use super::breaker::Permit;
use super::clearance::Begun;
use super::vendor::VendorAnswer;
use crate::config::Delivery;

/// Vendor's answer to a message, and the request that it belongs to.
#[derive(Debug)]
pub(super) struct SendOutcome {
    pub(super) answer: VendorAnswer,
    /// Permit of the request.
    pub(super) permit: Permit,
    /// Time and clearance with which the message was written, if it was.
    pub(super) begun: Option<Begun>,
}

impl SendOutcome {
    /// Returns the pause that the vendor asks for, if any.
    pub(super) fn requested_pause(&self) -> Option<Duration> {
        match self.answer {
            VendorAnswer::Busy(rest) => Some(rest),
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
        (VendorAnswer::Accepted(vendor_message_id), _) => {
            vec![MessageCommand::RecordSent(Handover {
                vendor_message_id,
                began_at: begun.map(|begun| begun.at),
                customer_seen: begun.map(|begun| begun.clearance.customer_seen),
            })]
        }
        (VendorAnswer::Withheld(decision), _) => {
            let suppress = decision.suppression().map(MessageCommand::Suppress);
            suppress.into_iter().collect()
        }
        (VendorAnswer::Unserved(_) | VendorAnswer::BatchRefused, _) => Vec::new(),
        // A probe is sent while the vendor is known to be down, so its failure must
        // not cost the message an attempt.
        (VendorAnswer::Busy(_), _) | (VendorAnswer::Unavailable(_), Permit::Probe) => Vec::new(),
        (VendorAnswer::Failed(problem) | VendorAnswer::Unavailable(problem), _)
            if number < delivery.attempts =>
        {
            vec![attempt(&problem, backoff::delay(delivery, number, share))]
        }
        // Counted as an attempt, so that a vendor cannot defer a message forever.
        (VendorAnswer::Deferred { problem, rest }, _) if number < delivery.attempts => {
            let least = backoff::delay(delivery, number, share);
            let rest = rest.unwrap_or_default().min(LONGEST_DEFERRAL);
            vec![attempt(&problem, rest.max(least))]
        }
        (VendorAnswer::Rejected(problem), _) => {
            vec![
                attempt(&problem, Duration::ZERO),
                MessageCommand::Reject(problem),
            ]
        }
        (
            VendorAnswer::Failed(problem)
            | VendorAnswer::Unavailable(problem)
            | VendorAnswer::Deferred { problem, .. }
            | VendorAnswer::Refused(problem),
            _,
        ) => {
            vec![
                attempt(&problem, Duration::ZERO),
                MessageCommand::GiveUp(problem),
            ]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::clearance::SendDecision;
    use super::*;

    fn text<const MAX: usize>(text: &str) -> Text<MAX> {
        Text::try_from(text.to_owned()).unwrap()
    }

    /// Returns a short form of the commands.
    fn made(answer: VendorAnswer, permit: Permit, attempts: u32) -> Vec<String> {
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
            MessageCommand::Reject(problem) => format!("rejected: {}", problem.as_str()),
            other => format!("{other:?}"),
        };
        made.into_iter().map(short).collect()
    }

    #[test]
    fn an_accepted_message_is_sent_even_by_a_probe() {
        for permit in [Permit::Send, Permit::Probe] {
            assert_eq!(
                made(VendorAnswer::Accepted(text("vm_1")), permit, 3),
                ["sent vm_1"]
            );
        }
    }

    #[test]
    fn failures_are_retried_with_backoff_and_then_given_up() {
        for answer in [
            VendorAnswer::Failed(text("500")),
            VendorAnswer::Unavailable(text("500")),
        ] {
            assert_eq!(made(answer.clone(), Permit::Send, 0), ["attempt 1 1000"]);
            assert_eq!(made(answer.clone(), Permit::Send, 6), ["attempt 7 60000"]);
            let last = ["attempt 8 0", "gave up: 500"];
            assert_eq!(made(answer, Permit::Send, 7), last);
        }
    }

    #[test]
    fn a_refused_message_ends_and_a_refused_request_can_be_retried() {
        let rejected = VendorAnswer::Rejected(text("unknown-recipient"));
        let expected = ["attempt 1 0", "rejected: unknown-recipient"];
        assert_eq!(made(rejected, Permit::Send, 0), expected);
        let refused = VendorAnswer::Refused(text("422"));
        let expected = ["attempt 1 0", "gave up: 422"];
        assert_eq!(made(refused, Permit::Send, 0), expected);
    }

    #[test]
    fn a_deferral_lasts_as_long_as_the_vendor_says_and_costs_an_attempt() {
        let deferred = |seconds: Option<u64>| VendorAnswer::Deferred {
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
    fn a_rejected_batch_costs_its_messages_no_attempt() {
        assert!(made(VendorAnswer::BatchRefused, Permit::Send, 7).is_empty());
    }

    #[test]
    fn a_request_that_was_not_written_costs_no_attempt() {
        let held = VendorAnswer::Withheld(SendDecision::Hold);
        assert!(made(held, Permit::Send, 7).is_empty());
        let unwanted = VendorAnswer::Withheld(SendDecision::Unsubscribed);
        let suppressed = ["Suppress(Unsubscribed)"];
        assert_eq!(made(unwanted, Permit::Send, 7), suppressed);
    }

    #[test]
    fn a_busy_or_unavailable_vendor_costs_no_attempt() {
        let busy = VendorAnswer::Busy(Duration::from_secs(1));
        assert!(made(busy, Permit::Send, 7).is_empty());
        let unserved = VendorAnswer::Unserved(text("answered 401 Unauthorized"));
        assert!(made(unserved, Permit::Send, 7).is_empty());
        let away = VendorAnswer::Unavailable(text("could not be reached"));
        assert!(made(away, Permit::Probe, 7).is_empty());
    }
}
