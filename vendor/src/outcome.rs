//! Random decisions: the outcome of a message, and faults of requests. All are pure functions of
//! the seed and of an id or a number.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::settings::VendorSettings;

/// Outcome of a message, fixed when it is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MessageOutcome {
    /// Reason for a failure; `None` if the message is delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<DeliveryFailure>,
    /// True if the receipt of a failure is `bounced` instead of `failed`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) bounced: bool,
    /// Milliseconds from accepting the message to its receipt.
    pub(crate) delay_ms: u64,
    /// True if the receipt is never posted.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) lost: bool,
    /// True if the receipt is posted twice.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) duplicate: bool,
    /// True if the receipt is posted before the request is answered.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) early: bool,
}

/// Reason why a message was not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeliveryFailure {
    UnknownRecipient,
    MailboxFull,
    Blocked,
    CarrierRefused,
}

const FAILURES: [DeliveryFailure; 4] = [
    DeliveryFailure::UnknownRecipient,
    DeliveryFailure::MailboxFull,
    DeliveryFailure::Blocked,
    DeliveryFailure::CarrierRefused,
];

/// Decides the outcome of a message. The same seed, rates and id always give the same outcome, and
/// a change of one rate changes no other decision.
pub(crate) fn decide(message_id: &str, settings: &VendorSettings) -> MessageOutcome {
    let draw = |what| draw(settings.seed, what, message_id.as_bytes());
    let failed = draw(Draw::Delivered) >= settings.delivered_rate.get();
    let early = draw(Draw::Early) < settings.out_of_order_rate.get();
    MessageOutcome {
        // In range: the share is below 1.
        failure: failed.then(|| FAILURES[(draw(Draw::Failure) * FAILURES.len() as f64) as usize]),
        bounced: failed && draw(Draw::Bounced) < settings.bounced_rate.get(),
        delay_ms: if early {
            0
        } else {
            settings.receipt_delay_ms.at(draw(Draw::Delay))
        },
        lost: draw(Draw::Lost) < settings.lost_rate.get(),
        duplicate: draw(Draw::Duplicate) < settings.duplicate_rate.get(),
        early,
    }
}

/// Simulated faults of one request.
pub(crate) struct RequestFaults {
    /// Number of the request since the start, starting at 0.
    pub(crate) number: u64,
    /// True if the request is refused with 500.
    pub(crate) error: bool,
    /// True if the request is accepted, but answered with 500.
    pub(crate) lost_answer: bool,
    /// Delay of the response, in milliseconds.
    pub(crate) latency_ms: u64,
}

/// Decides the faults of a request. They depend on its number and not on its message, so that each
/// retry is drawn again.
pub(crate) fn request_faults(number: u64, settings: &VendorSettings) -> RequestFaults {
    let draw = |what| draw(settings.seed, what, &number.to_le_bytes());
    RequestFaults {
        number,
        error: draw(Draw::Error) < settings.error_rate.get(),
        lost_answer: draw(Draw::LostAnswer) < settings.lost_answer_rate.get(),
        latency_ms: settings.latency_ms.at(draw(Draw::Latency)),
    }
}

/// Reception of a new message of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reception {
    /// The message is accepted.
    Accept,
    /// The message is not accepted, and has to be sent again later.
    Defer,
    /// The message is accepted or not, and the response does not show which.
    Doubt { accepts: bool },
}

/// Decides the reception of a message in the request with this number. It depends on both the id
/// and the number, so that the messages of a request differ and each retry is drawn again.
pub(crate) fn receive(number: u64, message_id: &str, settings: &VendorSettings) -> Reception {
    let subject = [&number.to_le_bytes()[..], message_id.as_bytes()].concat();
    let draw = |what| draw(settings.seed, what, &subject);
    if draw(Draw::Deferred) < settings.deferred_rate.get() {
        Reception::Defer
    } else if draw(Draw::InDoubt) < settings.in_doubt_rate.get() {
        Reception::Doubt {
            accepts: draw(Draw::InDoubtAccepted) < 0.5,
        }
    } else {
        Reception::Accept
    }
}

/// Decides if messages to this address are refused. It depends on the address alone, so a message
/// that is sent again is refused again.
pub(crate) fn is_refused(to: &str, settings: &VendorSettings) -> bool {
    draw(settings.seed, Draw::Refused, to.as_bytes()) < settings.refused_rate.get()
}

/// Returns the milliseconds from a receipt's first post to its second.
pub(crate) fn duplicate_delay_ms(message_id: &str, settings: &VendorSettings) -> u64 {
    let share = draw(settings.seed, Draw::DuplicateDelay, message_id.as_bytes());
    settings.receipt_delay_ms.at(share)
}

#[derive(Clone, Copy)]
enum Draw {
    Delivered,
    Failure,
    Delay,
    Lost,
    Duplicate,
    Early,
    DuplicateDelay,
    Error,
    LostAnswer,
    Latency,
    Deferred,
    InDoubt,
    InDoubtAccepted,
    Refused,
    Bounced,
}

/// Returns a number in [0, 1), uniformly distributed over subjects and independent for each `what`.
fn draw(seed: u64, what: Draw, subject: &[u8]) -> f64 {
    let seed = xxh3_64_with_seed(&[what as u8], seed);
    let bits = xxh3_64_with_seed(subject, seed) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_fails_and_the_same_seed_gives_the_same_outcomes() {
        let settings = VendorSettings::default();
        let failed = |settings: &VendorSettings| -> Vec<bool> {
            (0..10_000)
                .map(|n| decide(&format!("msg_{n}"), settings).failure.is_some())
                .collect()
        };
        let first = failed(&settings);
        let count = first.iter().filter(|failed| **failed).count();
        assert!((900..1_100).contains(&count), "{count} of 10000 failed");
        assert_eq!(first, failed(&settings));
        assert_ne!(
            first,
            failed(&VendorSettings {
                seed: 2,
                ..settings
            })
        );
    }
}
