//! How many messages a second a campaign sends at most.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

/// Lets so many through within any second, wherever that second begins.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: usize,
    /// When the last ones went through, the oldest first.
    sent: VecDeque<Instant>,
}

impl Rate {
    /// At least one a second.
    pub(super) fn new(per_second: u32) -> Self {
        let per_second = usize::try_from(per_second).unwrap_or(usize::MAX).max(1);
        Self {
            per_second,
            sent: VecDeque::new(),
        }
    }

    /// How long until one more may go. Time alone shortens it.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        match self.sent.front() {
            Some(oldest) if self.sent.len() >= self.per_second => {
                (*oldest + SECOND).saturating_duration_since(now)
            }
            _ => Duration::ZERO,
        }
    }

    /// One goes.
    pub(super) fn note(&mut self, now: Instant) {
        if self.sent.len() >= self.per_second {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When each of `count` goes out, in milliseconds, if asked every `step`.
    fn departures(per_second: u32, count: usize, step: Duration) -> Vec<u128> {
        let (mut rate, start) = (Rate::new(per_second), Instant::now());
        let (mut now, mut gone) = (start, Vec::new());
        while gone.len() < count {
            if rate.wait(now).is_zero() {
                rate.note(now);
                gone.push((now - start).as_millis());
            } else {
                now += step;
            }
        }
        gone
    }

    #[test]
    fn no_second_has_more_than_it_may() {
        for (per_second, step) in [(1, 7), (10, 3), (500, 1), (499, 13)] {
            let gone = departures(
                per_second,
                3_000.min(per_second as usize * 9),
                Duration::from_millis(step),
            );
            for (at, first) in gone.iter().enumerate() {
                let within = gone[at..].iter().take_while(|at| **at < first + 1_000);
                assert!(
                    within.count() <= per_second as usize,
                    "{per_second} from {first} ms"
                );
            }
        }
    }

    #[test]
    fn a_second_later_as_many_go_again() {
        let gone = departures(3, 9, Duration::from_millis(1));
        assert_eq!(gone, [0, 0, 0, 1_000, 1_000, 1_000, 2_000, 2_000, 2_000]);
    }

    #[test]
    fn it_tells_how_long_to_wait() {
        let (mut rate, now) = (Rate::new(2), Instant::now());
        rate.note(now);
        rate.note(now + Duration::from_millis(300));
        let wait = |millis| rate.wait(now + Duration::from_millis(millis)).as_millis();
        assert_eq!((wait(300), wait(999), wait(1_000)), (700, 1, 0));
    }
}
