//! How many messages a second a campaign sends at most.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

/// A batch has at most as many messages as the rate allows in this time, so
/// that a second's messages do not go out all at once.
const SPREAD: Duration = Duration::from_millis(200);

/// How soon a full rate is looked at again while requests are about to be
/// written: when they are is not known.
const LOOK: Duration = Duration::from_millis(10);

/// Lets so many messages be written within any second, wherever that second
/// begins.
///
/// A message counts from when it is let through, and its second begins when it
/// is written. So a request that waits for its connection cannot meet later
/// ones at the vendor and exceed the rate together with them.
#[derive(Debug)]
struct Rate {
    per_second: usize,
    /// Let through, and neither written nor released yet.
    reserved: usize,
    /// When how many were written, the oldest first.
    written: VecDeque<(Instant, usize)>,
    /// When the next batch goes if batches are spread evenly.
    next: Option<Instant>,
}

impl Rate {
    /// At least one a second.
    fn new(per_second: u32) -> Self {
        Self {
            per_second: usize::try_from(per_second).unwrap_or(usize::MAX).max(1),
            reserved: 0,
            written: VecDeque::new(),
            next: None,
        }
    }

    /// How long until more may go; zero if some may go now.
    fn wait(&mut self, now: Instant) -> Duration {
        let spread = self
            .next
            .map_or(Duration::ZERO, |next| next.saturating_duration_since(now));
        if self.free(now) > 0 {
            return spread;
        }
        let oldest = self.written.front().map_or(LOOK, |(at, _)| {
            (*at + SECOND).saturating_duration_since(now)
        });
        match self.reserved {
            0 => oldest.max(spread),
            _ => oldest.min(LOOK).max(spread),
        }
    }

    /// Lets up to `count` messages through as one batch; how many.
    fn reserve(&mut self, count: usize, now: Instant) -> usize {
        if !self.wait(now).is_zero() {
            return 0;
        }
        let granted = count.min(self.free(now)).min(self.largest_batch());
        self.reserved += granted;
        // What was missed while a timer was late is made up for, but no more.
        let earliest = now.checked_sub(SPREAD).unwrap_or(now);
        let from = self.next.map_or(now, |next| next.max(earliest));
        self.next = Some(from + SECOND.mul_f64(granted as f64 / self.per_second as f64));
        granted
    }

    /// Of the messages that were let through, `reserved` were written now, or
    /// are not going to be.
    fn settle(&mut self, reserved: usize, is_written: bool, now: Instant) {
        self.reserved -= reserved;
        if is_written && reserved > 0 {
            self.written.push_back((now, reserved));
        }
    }

    /// How many more may be written within the second that ends now.
    fn free(&mut self, now: Instant) -> usize {
        while self
            .written
            .front()
            .is_some_and(|(at, _)| *at + SECOND <= now)
        {
            self.written.pop_front();
        }
        let written: usize = self.written.iter().map(|(_, count)| count).sum();
        self.per_second.saturating_sub(written + self.reserved)
    }

    fn largest_batch(&self) -> usize {
        let spread = self.per_second.saturating_mul(SPREAD.as_millis() as usize) / 1_000;
        spread.max(1)
    }
}

/// The rate of one campaign, if it has one.
#[derive(Debug, Clone)]
pub(super) struct Limiter(Option<Arc<Mutex<Rate>>>);

/// Leave to write so many messages. What is not written is given back when
/// this is dropped.
#[derive(Debug)]
pub(super) struct Reserved {
    limiter: Limiter,
    count: usize,
}

impl Limiter {
    /// Lets so many messages a second through, from a second after `now` on;
    /// any number without a rate.
    ///
    /// Another process, or this one before a pause, may have sent the campaign's
    /// messages until a moment ago.
    pub(super) fn new(per_second: Option<u32>, now: Instant) -> Self {
        Self(per_second.map(|per_second| {
            let mut rate = Rate::new(per_second);
            rate.written.push_back((now, rate.per_second));
            Arc::new(Mutex::new(rate))
        }))
    }

    /// How long until messages may go; zero if some may go now.
    pub(super) fn wait(&self) -> Duration {
        self.rate()
            .map_or(Duration::ZERO, |mut rate| rate.wait(Instant::now()))
    }

    /// Leave to write up to `count` messages as one batch, if any may go now.
    pub(super) fn reserve(&self, count: usize) -> Option<Reserved> {
        let granted = self
            .rate()
            .map_or(count, |mut rate| rate.reserve(count, Instant::now()));
        (granted > 0).then(|| Reserved {
            limiter: self.clone(),
            count: granted,
        })
    }

    fn rate(&self) -> Option<MutexGuard<'_, Rate>> {
        // Nothing that is done under the lock can leave it half done.
        let rate = self.0.as_ref()?;
        Some(rate.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Reserved {
    /// How many messages may be written.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Gives back all but so many.
    pub(super) fn keep(&mut self, count: usize) {
        self.settle(self.count.saturating_sub(count), false);
    }

    /// So many are written now; the others are given back.
    pub(super) fn written(mut self, count: usize) {
        self.settle(count.min(self.count), true);
    }

    fn settle(&mut self, count: usize, is_written: bool) {
        self.count -= count;
        if let Some(mut rate) = self.limiter.rate() {
            rate.settle(count, is_written, Instant::now());
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.settle(self.count, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// When how many of `count` are written, in milliseconds, if asked every
    /// `step` for up to `most`, and each batch is written `late` after it was
    /// let through, by turns.
    fn departures(
        per_second: u32,
        count: usize,
        most: usize,
        step: Duration,
        late: &[u64],
    ) -> Vec<(u128, usize)> {
        let (mut rate, start) = (Rate::new(per_second), Instant::now());
        let (mut now, mut gone) = (start, Vec::new());
        let mut under_way: Vec<(Instant, usize)> = Vec::new();
        let mut delays = late.iter().cycle();
        while gone.iter().map(|(_, count)| count).sum::<usize>() < count {
            under_way.retain(|(at, count)| {
                let is_written = *at <= now;
                if is_written {
                    rate.settle(*count, true, now);
                    gone.push(((now - start).as_millis(), *count));
                }
                !is_written
            });
            let granted = rate.reserve(most, now);
            if granted > 0 {
                under_way.push((now + millis(*delays.next().unwrap()), granted));
            }
            now += step;
        }
        gone
    }

    #[test]
    fn no_second_has_more_than_it_may() {
        for (per_second, most, step) in [
            (1, 1, 7),
            (5, 100, 1),
            (10, 3, 3),
            (60, 100, 1),
            (500, 100, 1),
            (499, 64, 13),
            (5_000, 100, 3),
        ] {
            for late in [&[0][..], &[0, 300, 0, 40], &[150], &[900, 0, 0]] {
                let count = per_second as usize * 5;
                let gone = departures(per_second, count, most, millis(step), late);
                for (at, (first, _)) in gone.iter().enumerate() {
                    let within = gone[at..].iter().filter(|(at, _)| *at < first + 1_000);
                    let within: usize = within.map(|(_, count)| count).sum();
                    assert!(
                        within <= per_second as usize,
                        "{within} instead of {per_second} from {first} ms, {late:?} late"
                    );
                }
            }
        }
    }

    #[test]
    fn slow_rates_go_out_in_small_batches_that_are_spread_evenly() {
        let gone = departures(5, 6, 100, millis(1), &[0]);
        // Written the millisecond after they were let through.
        let expected = [1, 201, 401, 601, 801, 1_002].map(|at| (at, 1));
        assert_eq!(gone, expected);
        let gone = departures(100, 80, 100, millis(1), &[0]);
        assert_eq!(gone, [(1, 20), (201, 20), (401, 20), (601, 20)]);
    }

    #[test]
    fn a_rate_is_reached_though_timers_are_late() {
        for (per_second, step) in [(20, 7), (500, 9), (1_000, 11), (5_000, 7)] {
            let count = per_second as usize * 10;
            let gone = departures(per_second, count, 100, millis(step), &[0]);
            let (last, _) = gone[gone.len() - 1];
            assert!(last < 11_000, "{per_second}: {last} ms");
        }
    }

    #[test]
    fn what_is_not_written_is_given_back() {
        let limiter = Limiter::new(Some(2), a_second_ago());
        let first = limiter.reserve(1).unwrap();
        assert_eq!(first.count(), 1);
        drop(first);
        let rate = limiter.0.as_ref().unwrap().lock().unwrap();
        assert_eq!((rate.reserved, rate.written.len()), (0, 0));
    }

    #[test]
    fn a_successor_waits_until_the_second_is_over() {
        let limiter = Limiter::new(Some(5), Instant::now());
        assert!(limiter.reserve(1).is_none());
        assert!(limiter.wait() > millis(500));
        let limiter = Limiter::new(Some(5), a_second_ago());
        assert_eq!(limiter.reserve(1).unwrap().count(), 1);
    }

    fn a_second_ago() -> Instant {
        Instant::now().checked_sub(SECOND).unwrap()
    }

    #[test]
    fn without_a_rate_any_number_goes() {
        let limiter = Limiter::new(None, Instant::now());
        assert_eq!(limiter.reserve(100).unwrap().count(), 100);
        assert_eq!(limiter.wait(), Duration::ZERO);
    }

    #[test]
    fn it_tells_how_long_to_wait() {
        let (mut rate, now) = (Rate::new(2), Instant::now());
        for at in [0, 500] {
            assert_eq!(rate.reserve(9, now + millis(at)), 1);
            rate.settle(1, true, now + millis(at));
        }
        let mut wait = |at| rate.wait(now + millis(at)).as_millis();
        assert_eq!((wait(500), wait(999), wait(1_000)), (500, 1, 0));
    }
}
