//! A circuit breaker: stops sending after repeated failures and probes
//! periodically.
//!
//! It counts failures that any message would run into: no connection, no answer
//! in time, a gateway that answers for the vendor, a wrong URL or credential. An
//! answer about a message, even an error, shows that the vendor is up.

use std::time::{Duration, Instant};

/// How many failures in a row open the breaker.
const FAILURES: u32 = 10;

/// Two failures in a row this far apart open it too. Otherwise a campaign of a
/// few messages would use up their attempts before there are ten failures.
const APART: Duration = Duration::from_secs(1);

/// How long the breaker first stays open; doubled after each failed probe.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest time between probes.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// Decides whether a request may be sent to the vendor.
#[derive(Debug)]
pub(super) struct Breaker {
    state: State,
    /// How long an unfinished probe blocks the next one.
    patience: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Requests are sent. `failures` were the last in a row, since `first`.
    Closed {
        failures: u32,
        first: Option<Instant>,
    },
    /// Nothing is sent.
    Open { until: Instant, wait: Duration },
    /// One request is in flight to find out whether the vendor is back.
    Probing { since: Instant, wait: Duration },
}

const CLOSED: State = State::Closed {
    failures: 0,
    first: None,
};

/// Whether the first of several failures was at least [`APART`] ago.
fn is_lasting(first: Option<Instant>, now: Instant) -> bool {
    first.is_some_and(|first| now.saturating_duration_since(first) >= APART)
}

/// Permission to send one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permit {
    /// An ordinary request.
    Send,
    /// The one request that finds out whether the vendor is back.
    Probe,
}

/// What a request says about the vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// The vendor has answered.
    There,
    /// It has not answered, or serves no messages.
    Away,
    /// Nothing, for instance since the request was not sent.
    Nothing,
}

/// A change of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing is sent for this long.
    Opened(Duration),
    /// The vendor is back.
    Closed,
}

impl Breaker {
    /// For requests that take no longer than `patience`.
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            state: CLOSED,
            patience,
        }
    }

    /// How long nothing may be sent, if the breaker is open.
    pub(super) fn closed_for(&self, now: Instant) -> Option<Duration> {
        let until = match self.state {
            State::Closed { .. } => return None,
            State::Open { until, .. } => until,
            State::Probing { since, .. } => since + self.patience,
        };
        let left = until.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// Permission to send one request, which must then be sent or noted as
    /// [`Found::Nothing`].
    ///
    /// # Errors
    /// How long to wait before asking again.
    pub(super) fn ask(&mut self, now: Instant) -> Result<Permit, Duration> {
        if let Some(left) = self.closed_for(now) {
            return Err(left);
        }
        match self.state {
            State::Closed { .. } => Ok(Permit::Send),
            State::Open { wait, .. } | State::Probing { wait, .. } => {
                self.state = State::Probing { since: now, wait };
                Ok(Permit::Probe)
            }
        }
    }

    /// Records what a request found; returns the change of state, if any.
    pub(super) fn note(&mut self, permit: Permit, found: Found, now: Instant) -> Option<Turn> {
        match (self.state, permit, found) {
            // The next request may probe at once.
            (State::Probing { wait, .. }, Permit::Probe, Found::Nothing) => {
                self.state = State::Open { until: now, wait };
                None
            }
            (_, _, Found::Nothing) => None,
            (State::Closed { .. }, _, Found::There) => {
                self.state = CLOSED;
                None
            }
            (State::Closed { failures, first }, _, Found::Away)
                if failures + 1 < FAILURES && !is_lasting(first, now) =>
            {
                self.state = State::Closed {
                    failures: failures + 1,
                    first: first.or(Some(now)),
                };
                None
            }
            (State::Closed { .. }, _, Found::Away) => Some(self.open(now, FIRST_WAIT)),
            (State::Probing { .. }, Permit::Probe, Found::There) => {
                self.state = CLOSED;
                Some(Turn::Closed)
            }
            (State::Probing { wait, .. }, Permit::Probe, Found::Away) => {
                Some(self.open(now, (wait * 2).min(LONGEST_WAIT)))
            }
            // A straggler, sent before the breaker opened.
            (State::Open { .. } | State::Probing { .. }, _, _) => None,
        }
    }

    fn open(&mut self, now: Instant, wait: Duration) -> Turn {
        let until = now + wait;
        self.state = State::Open { until, wait };
        Turn::Opened(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// A breaker that has just found the vendor away, and that instant.
    fn opened() -> (Breaker, Instant) {
        let (mut breaker, now) = (Breaker::new(PATIENCE), Instant::now());
        for _ in 1..FAILURES {
            assert_eq!(breaker.note(Permit::Send, Found::Away, now), None);
        }
        let turn = breaker.note(Permit::Send, Found::Away, now);
        assert_eq!(turn, Some(Turn::Opened(FIRST_WAIT)));
        (breaker, now)
    }

    #[test]
    fn an_answer_in_between_keeps_it_closed() {
        let (mut breaker, now) = (Breaker::new(PATIENCE), Instant::now());
        for _ in 0..5 {
            for _ in 1..FAILURES {
                assert_eq!(breaker.note(Permit::Send, Found::Away, now), None);
            }
            assert_eq!(breaker.note(Permit::Send, Found::There, now), None);
            assert_eq!(breaker.ask(now), Ok(Permit::Send));
        }
    }

    #[test]
    fn two_failures_far_apart_open_it() {
        let (mut breaker, now) = (Breaker::new(PATIENCE), Instant::now());
        assert_eq!(breaker.note(Permit::Send, Found::Away, now), None);
        assert_eq!(
            breaker.note(Permit::Send, Found::There, now + seconds(1)),
            None
        );
        let first = now + seconds(2);
        assert_eq!(breaker.note(Permit::Send, Found::Away, first), None);
        let turn = breaker.note(Permit::Send, Found::Away, first + seconds(1));
        assert_eq!(turn, Some(Turn::Opened(FIRST_WAIT)));
    }

    #[test]
    fn once_open_one_probe_at_a_time_goes_out() {
        let (mut breaker, now) = opened();
        assert_eq!(breaker.ask(now), Err(FIRST_WAIT));
        let later = now + FIRST_WAIT;
        assert_eq!(breaker.closed_for(later), None);
        assert_eq!(breaker.ask(later), Ok(Permit::Probe));
        assert_eq!(breaker.ask(later), Err(PATIENCE));
        assert_eq!(
            breaker.note(Permit::Probe, Found::There, later),
            Some(Turn::Closed)
        );
        assert_eq!(breaker.ask(later), Ok(Permit::Send));
    }

    #[test]
    fn each_probe_in_vain_doubles_the_wait() {
        let (mut breaker, mut now) = opened();
        let mut waits = Vec::new();
        for _ in 0..6 {
            now += seconds(60);
            assert_eq!(breaker.ask(now), Ok(Permit::Probe));
            waits.push(breaker.note(Permit::Probe, Found::Away, now));
        }
        let expected = [2, 4, 8, 15, 15, 15].map(|wait| Some(Turn::Opened(seconds(wait))));
        assert_eq!(waits, expected);
    }

    #[test]
    fn stragglers_change_nothing() {
        let (mut breaker, now) = opened();
        for found in [Found::There, Found::Away] {
            assert_eq!(breaker.note(Permit::Send, found, now), None);
            assert_eq!(breaker.ask(now), Err(FIRST_WAIT));
        }
        let later = now + FIRST_WAIT;
        assert_eq!(breaker.ask(later), Ok(Permit::Probe));
        assert_eq!(breaker.note(Permit::Send, Found::There, later), None);
        assert_eq!(breaker.ask(later), Err(PATIENCE));
    }

    #[test]
    fn a_probe_that_was_not_sent_is_followed_by_another_at_once() {
        let (mut breaker, now) = opened();
        let later = now + FIRST_WAIT;
        assert_eq!(breaker.ask(later), Ok(Permit::Probe));
        assert_eq!(breaker.note(Permit::Probe, Found::Nothing, later), None);
        assert_eq!(breaker.ask(later), Ok(Permit::Probe));
        let reopened = breaker.note(Permit::Probe, Found::Away, later);
        assert_eq!(reopened, Some(Turn::Opened(FIRST_WAIT * 2)));
    }

    #[test]
    fn a_probe_that_never_comes_back_is_followed_by_another() {
        let (mut breaker, now) = opened();
        let first = now + FIRST_WAIT;
        assert_eq!(breaker.ask(first), Ok(Permit::Probe));
        assert_eq!(breaker.ask(first + seconds(9)), Err(seconds(1)));
        assert_eq!(breaker.ask(first + PATIENCE), Ok(Permit::Probe));
    }
}
