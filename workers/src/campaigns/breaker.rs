//! Circuit breaker: stops sending after repeated failures and probes periodically.
//!
//! Only failures that any message would meet count: no connection, no answer in time,
//! a gateway that answers in place of the vendor, a wrong URL or credential. An answer
//! about a message, even an error, shows that the vendor is up.

use std::time::{Duration, Instant};

/// Number of failures in a row that open the breaker.
const FAILURES: u32 = 10;

/// Time between two failures in a row that opens the breaker as well. Without it, the
/// messages of a small campaign would use up their attempts before there are
/// [`FAILURES`] failures.
const APART: Duration = Duration::from_secs(1);

/// Time for which the breaker first stays open; doubled after each failed probe.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Longest time between two probes.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// State machine that decides whether a request may be sent to the vendor.
#[derive(Debug)]
pub(super) struct Breaker {
    state: BreakerState,
    /// Time for which an unfinished probe blocks the next one.
    patience: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BreakerState {
    /// Requests are sent. `failures` is the number of failures in a row, the
    /// earliest of them at `first`.
    Closed {
        failures: u32,
        first: Option<Instant>,
    },
    /// Nothing is sent.
    Open { until: Instant, wait: Duration },
    /// One request is in flight to find out whether the vendor is up again.
    Probing { since: Instant, wait: Duration },
}

const CLOSED: BreakerState = BreakerState::Closed {
    failures: 0,
    first: None,
};

/// Permission to send one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permit {
    /// Ordinary request.
    Send,
    /// Single request that finds out whether the vendor is up again.
    Probe,
}

/// Availability of the vendor, as one request shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VendorState {
    /// The vendor answered.
    Up,
    /// The vendor did not answer, or does not serve such requests.
    Down,
    /// The request shows nothing, for instance because it was not sent.
    Unknown,
}

/// State change of the breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transition {
    /// The breaker opened: nothing is sent for this long.
    Opened(Duration),
    /// The breaker closed: the vendor is up again.
    Closed,
}

impl Breaker {
    /// Creates a closed breaker for requests that take at most `patience`.
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            state: CLOSED,
            patience,
        }
    }

    /// Returns how long nothing may be sent, if the breaker is open.
    pub(super) fn closed_for(&self, now: Instant) -> Option<Duration> {
        let until = match self.state {
            BreakerState::Closed { .. } => return None,
            BreakerState::Open { until, .. } => until,
            // A probe whose result never arrives must not block sending forever.
            BreakerState::Probing { since, .. } => since + self.patience,
        };
        let left = until.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// Returns a permit for one request, which must then be sent or recorded as
    /// [`VendorState::Unknown`].
    ///
    /// # Errors
    /// The time to wait before the next call.
    pub(super) fn acquire(&mut self, now: Instant) -> Result<Permit, Duration> {
        if let Some(left) = self.closed_for(now) {
            return Err(left);
        }
        match self.state {
            BreakerState::Closed { .. } => Ok(Permit::Send),
            BreakerState::Open { wait, .. } | BreakerState::Probing { wait, .. } => {
                self.state = BreakerState::Probing { since: now, wait };
                Ok(Permit::Probe)
            }
        }
    }

    /// Records what a request showed. Returns the change of state, if any.
    pub(super) fn record(
        &mut self,
        permit: Permit,
        found: VendorState,
        now: Instant,
    ) -> Option<Transition> {
        match (self.state, permit, found) {
            // The probe was not sent: the next request may probe at once.
            (BreakerState::Probing { wait, .. }, Permit::Probe, VendorState::Unknown) => {
                self.state = BreakerState::Open { until: now, wait };
                None
            }
            (_, _, VendorState::Unknown) => None,
            (BreakerState::Closed { .. }, _, VendorState::Up) => {
                self.state = CLOSED;
                None
            }
            (BreakerState::Closed { failures, first }, _, VendorState::Down)
                if failures + 1 < FAILURES
                    && first.is_none_or(|first| now.saturating_duration_since(first) < APART) =>
            {
                self.state = BreakerState::Closed {
                    failures: failures + 1,
                    first: first.or(Some(now)),
                };
                None
            }
            (BreakerState::Closed { .. }, _, VendorState::Down) => Some(self.open(now, FIRST_WAIT)),
            (BreakerState::Probing { .. }, Permit::Probe, VendorState::Up) => {
                self.state = CLOSED;
                Some(Transition::Closed)
            }
            (BreakerState::Probing { wait, .. }, Permit::Probe, VendorState::Down) => {
                Some(self.open(now, (wait * 2).min(LONGEST_WAIT)))
            }
            // A late answer to a request sent before the breaker opened. Only a probe
            // may close the breaker or extend its wait.
            (BreakerState::Open { .. } | BreakerState::Probing { .. }, _, _) => None,
        }
    }

    fn open(&mut self, now: Instant, wait: Duration) -> Transition {
        let until = now + wait;
        self.state = BreakerState::Open { until, wait };
        Transition::Opened(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// Returns a breaker that has just opened, and the instant at which it did.
    fn opened() -> (Breaker, Instant) {
        let (mut breaker, now) = (Breaker::new(PATIENCE), Instant::now());
        for _ in 1..FAILURES {
            assert_eq!(breaker.record(Permit::Send, VendorState::Down, now), None);
        }
        let turn = breaker.record(Permit::Send, VendorState::Down, now);
        assert_eq!(turn, Some(Transition::Opened(FIRST_WAIT)));
        (breaker, now)
    }

    #[test]
    fn an_answer_in_between_keeps_the_breaker_closed() {
        let (mut breaker, now) = (Breaker::new(PATIENCE), Instant::now());
        for _ in 0..5 {
            for _ in 1..FAILURES {
                assert_eq!(breaker.record(Permit::Send, VendorState::Down, now), None);
            }
            assert_eq!(breaker.record(Permit::Send, VendorState::Up, now), None);
            assert_eq!(breaker.acquire(now), Ok(Permit::Send));
        }
    }

    #[test]
    fn two_failures_far_apart_open_the_breaker() {
        let (mut breaker, now) = (Breaker::new(PATIENCE), Instant::now());
        assert_eq!(breaker.record(Permit::Send, VendorState::Down, now), None);
        assert_eq!(
            breaker.record(Permit::Send, VendorState::Up, now + seconds(1)),
            None
        );
        let first = now + seconds(2);
        assert_eq!(breaker.record(Permit::Send, VendorState::Down, first), None);
        let turn = breaker.record(Permit::Send, VendorState::Down, first + seconds(1));
        assert_eq!(turn, Some(Transition::Opened(FIRST_WAIT)));
    }

    #[test]
    fn an_open_breaker_permits_one_probe_at_a_time() {
        let (mut breaker, now) = opened();
        assert_eq!(breaker.acquire(now), Err(FIRST_WAIT));
        let later = now + FIRST_WAIT;
        assert_eq!(breaker.closed_for(later), None);
        assert_eq!(breaker.acquire(later), Ok(Permit::Probe));
        assert_eq!(breaker.acquire(later), Err(PATIENCE));
        assert_eq!(
            breaker.record(Permit::Probe, VendorState::Up, later),
            Some(Transition::Closed)
        );
        assert_eq!(breaker.acquire(later), Ok(Permit::Send));
    }

    #[test]
    fn each_failed_probe_doubles_the_wait() {
        let (mut breaker, mut now) = opened();
        let mut waits = Vec::new();
        for _ in 0..6 {
            now += seconds(60);
            assert_eq!(breaker.acquire(now), Ok(Permit::Probe));
            waits.push(breaker.record(Permit::Probe, VendorState::Down, now));
        }
        let expected = [2, 4, 8, 15, 15, 15].map(|wait| Some(Transition::Opened(seconds(wait))));
        assert_eq!(waits, expected);
    }

    #[test]
    fn late_answers_change_nothing() {
        let (mut breaker, now) = opened();
        for found in [VendorState::Up, VendorState::Down] {
            assert_eq!(breaker.record(Permit::Send, found, now), None);
            assert_eq!(breaker.acquire(now), Err(FIRST_WAIT));
        }
        let later = now + FIRST_WAIT;
        assert_eq!(breaker.acquire(later), Ok(Permit::Probe));
        assert_eq!(breaker.record(Permit::Send, VendorState::Up, later), None);
        assert_eq!(breaker.acquire(later), Err(PATIENCE));
    }

    #[test]
    fn a_probe_that_was_not_sent_is_followed_by_another_at_once() {
        let (mut breaker, now) = opened();
        let later = now + FIRST_WAIT;
        assert_eq!(breaker.acquire(later), Ok(Permit::Probe));
        assert_eq!(
            breaker.record(Permit::Probe, VendorState::Unknown, later),
            None
        );
        assert_eq!(breaker.acquire(later), Ok(Permit::Probe));
        let reopened = breaker.record(Permit::Probe, VendorState::Down, later);
        assert_eq!(reopened, Some(Transition::Opened(FIRST_WAIT * 2)));
    }

    #[test]
    fn a_probe_that_never_comes_back_is_followed_by_another() {
        let (mut breaker, now) = opened();
        let first = now + FIRST_WAIT;
        assert_eq!(breaker.acquire(first), Ok(Permit::Probe));
        assert_eq!(breaker.acquire(first + seconds(9)), Err(seconds(1)));
        assert_eq!(breaker.acquire(first + PATIENCE), Ok(Permit::Probe));
    }
}
