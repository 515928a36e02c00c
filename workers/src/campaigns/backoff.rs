//! Times at which a message is due after a failed attempt.

use std::time::Duration;

use domain::Timestamp;

use crate::config::Delivery;

/// Longest time for which the vendor can defer a message.
pub(super) const LONGEST_DEFERRAL: Duration = Duration::from_secs(60 * 60);

/// Largest expected difference between the clocks of two hosts.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// Returns the backoff after the failure of this attempt, counted from 1. `share` is
/// the jitter, from 0 to 1.
pub(super) fn delay(delivery: &Delivery, attempt: u32, share: f64) -> Duration {
    // Jitter keeps messages that failed together from being retried together. It takes
    // off at most half, so that all attempts together outlast a short outage.
    let doublings = attempt.saturating_sub(1).min(31);
    let bound = delivery
        .first_backoff
        .saturating_mul(1 << doublings)
        .min(delivery.longest_backoff);
    bound.mul_f64(0.5 + share.clamp(0.0, 1.0) / 2.0)
}

/// Returns the instant after a rest that begins now.
pub(super) fn later(now: Timestamp, rest: Duration) -> Timestamp {
    let rest = i64::try_from(rest.as_millis()).unwrap_or(i64::MAX);
    let at = Timestamp::from_millis(now.millis().saturating_add(rest));
    at.unwrap_or(now)
}

/// Returns the latest instant at which a message can be due. A later one was recorded
/// before the clock was set back, and the message is sent now.
pub(super) fn latest_due(now: Timestamp, delivery: &Delivery) -> Timestamp {
    let backoff = delivery.longest_backoff.saturating_mul(2);
    later(now, backoff.max(LONGEST_DEFERRAL + CLOCK_SKEW))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(attempt: u32, share: f64) -> u128 {
        delay(&Delivery::default(), attempt, share).as_millis()
    }

    #[test]
    fn the_backoff_doubles_up_to_the_longest() {
        let longest: Vec<u128> = (1..=9).map(|attempt| millis(attempt, 1.0)).collect();
        let seconds = [1, 2, 4, 8, 16, 32, 60, 60, 60].map(|seconds| seconds * 1_000);
        assert_eq!(longest, seconds);
        assert_eq!(millis(u32::MAX, 1.0), 60_000);
    }

    #[test]
    fn jitter_takes_off_at_most_half() {
        assert_eq!((millis(3, 0.0), millis(3, 0.5)), (2_000, 3_000));
    }

    #[test]
    fn all_attempts_outlast_a_minute() {
        let shortest: u128 = (1..8).map(|attempt| millis(attempt, 0.0)).sum();
        assert!(shortest > 60_000, "{shortest} ms");
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
}
