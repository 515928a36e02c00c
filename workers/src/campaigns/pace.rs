//! Adaptive number of messages that a lane loads at once.

use std::time::Duration;

use super::clearance::MAX_AGE;
use super::unserved::LARGEST_BATCH;

/// Smallest number, unless the rate requires fewer: one batch.
const LEAST: usize = LARGEST_BATCH;

/// Largest number, which bounds the memory that a campaign takes.
const MOST: usize = 2_000;

/// Time in which the loaded messages should be sent. Messages that are sent later need
/// their heads read again.
const LASTING: Duration = MAX_AGE;

/// Returns how many messages to load first, at this rate per second.
pub(super) fn first(per_second: Option<u32>) -> usize {
    LEAST.min(most(per_second))
}

/// Returns how many messages to load next, after sending `before` of them took
/// `lasted`.
pub(super) fn next(before: usize, lasted: Duration, per_second: Option<u32>) -> usize {
    let next = if lasted > LASTING {
        before / 2
    } else if lasted < LASTING / 2 {
        before * 2
    } else {
        before
    };
    next.max(LEAST).min(most(per_second))
}

fn most(per_second: Option<u32>) -> usize {
    let per_second = per_second.and_then(|rate| usize::try_from(rate).ok());
    let lasting = per_second.map(|rate| rate.saturating_mul(LASTING.as_millis() as usize) / 1_000);
    lasting.unwrap_or(MOST).clamp(1, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_millis(50);
    const SLOW: Duration = Duration::from_secs(9);

    #[test]
    fn the_number_grows_while_sending_is_fast() {
        let mut takes = vec![first(None)];
        for _ in 0..5 {
            takes.push(next(takes[takes.len() - 1], QUICK, None));
        }
        assert_eq!(takes, [100, 200, 400, 800, 1_600, 2_000]);
        assert_eq!(next(512, LASTING, None), 512);
        assert_eq!(next(512, SLOW, None), 256);
        assert_eq!(next(100, SLOW, None), 100);
    }

    #[test]
    fn the_rate_bounds_the_number() {
        assert_eq!((first(Some(10)), next(2, QUICK, Some(10))), (2, 2));
        assert_eq!((first(Some(1)), next(1, SLOW, Some(1))), (1, 1));
        assert_eq!(next(64, QUICK, Some(500)), 100);
        assert_eq!(next(2_000, QUICK, Some(100_000)), 2_000);
    }
}
