//! Backoff between the attempts of a message.

use std::time::Duration;

use super::Delivery;

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
}
