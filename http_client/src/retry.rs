//! Repeated attempts, with exponential backoff, jitter and `Retry-After`.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use tokio::time::Instant;

/// Schedule of repeated attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// Backoff after the first failure, before jitter. It doubles with each
    /// failure. Jitter adds up to the same time again.
    pub first_backoff: Duration,
    /// Maximum backoff, before jitter.
    pub longest_backoff: Duration,
    /// Limit after which attempts end.
    pub limit: RetryLimit,
    /// Longest `Retry-After` that is waited for.
    pub longest_retry_after: Duration,
    /// Reaction to a longer `Retry-After`.
    pub beyond: LongRetryAfter,
}

/// Limit after which repeated attempts end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryLimit {
    /// Number of attempts, the first included.
    Attempts(usize),
    /// Number of attempts, the first included, and the longest sum of the waits
    /// between them. A wait that would exceed the sum is not begun.
    AttemptsAndWaits(usize, Duration),
    /// Time since the first attempt began. A wait ends with it, unless the
    /// server asked for a longer one; the attempt after it is the last.
    Elapsed(Duration),
}

/// Reaction to a `Retry-After` that is longer than the schedule allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LongRetryAfter {
    /// Returns the failure at once.
    GiveUp,
    /// Waits for the longest allowed time, then tries again.
    Shorten,
}

/// Caller's classification of a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Another attempt would fail too.
    Final,
    /// Another attempt may succeed, after the time that the server asked for.
    Transient {
        /// The response's `Retry-After`; see [`retry_after`].
        retry_after: Option<Duration>,
    },
}

impl Retries {
    /// Runs `attempt` until it succeeds, fails for good, or the schedule ends,
    /// and returns the last result. `notify` is called with each failure that
    /// another attempt follows, and the wait until then.
    ///
    /// A wait is the backoff with jitter; after a `Retry-After` it is that time
    /// and at least half the backoff on top, so that clients that were told the
    /// same time do not return together.
    ///
    /// # Errors
    /// Returns the error of the last attempt.
    pub async fn run<T, E, F>(
        &self,
        attempt: impl FnMut() -> F,
        classify: impl Fn(&E) -> Failure,
        notify: impl FnMut(&E, Duration),
    ) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let begun = Instant::now();
        let mut waited = Duration::ZERO;
        attempt
            .retry(self.backoff())
            .adjust(|error: &E, backoff| {
                let failure = classify(error);
                let wait = self.wait(failure, backoff?)?;
                let elapsed = begun.elapsed();
                let wait = match (self.limit, failure) {
                    (RetryLimit::Elapsed(limit), Failure::Transient { retry_after: None }) => {
                        wait.min(limit.saturating_sub(elapsed))
                    }
                    _ => wait,
                };
                waited = waited.saturating_add(wait);
                let is_over = match self.limit {
                    RetryLimit::Attempts(_) => false,
                    RetryLimit::AttemptsAndWaits(_, limit) => waited > limit,
                    RetryLimit::Elapsed(limit) => elapsed >= limit,
                };
                (!is_over).then_some(wait)
            })
            .notify(notify)
            .await
    }

    fn backoff(&self) -> ExponentialBuilder {
        let backoff = ExponentialBuilder::new()
            .with_factor(2.0)
            .with_min_delay(self.first_backoff)
            .with_max_delay(self.longest_backoff)
            .with_jitter();
        match self.limit {
            RetryLimit::Attempts(attempts) | RetryLimit::AttemptsAndWaits(attempts, _) => {
                backoff.with_max_times(attempts.saturating_sub(1))
            }
            RetryLimit::Elapsed(_) => backoff.without_max_times(),
        }
    }

    /// Returns the wait before the next attempt, or `None` if there is none.
    fn wait(&self, failure: Failure, backoff: Duration) -> Option<Duration> {
        let asked = match failure {
            Failure::Final => return None,
            Failure::Transient { retry_after: None } => return Some(backoff),
            Failure::Transient {
                retry_after: Some(asked),
            } => asked,
        };
        let is_long = asked > self.longest_retry_after;
        if is_long && self.beyond == LongRetryAfter::GiveUp {
            return None;
        }
        let asked = asked.min(self.longest_retry_after);
        Some(backoff.max(asked + backoff / 2))
    }
}

/// Returns the time that the server asks the client to wait: the header
/// `Retry-After`, in seconds or as a date. A date in the past is zero. The time
/// has no upper limit.
pub fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTime::parse_from_rfc2822(value).ok()?;
    Some((until.to_utc() - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use reqwest::header::HeaderValue;

    use super::*;

    const RETRIES: Retries = Retries {
        first_backoff: Duration::from_millis(100),
        longest_backoff: Duration::from_millis(400),
        limit: RetryLimit::Attempts(6),
        longest_retry_after: Duration::from_secs(10),
        beyond: LongRetryAfter::GiveUp,
    };

    const BUSY: Failure = Failure::Transient { retry_after: None };

    fn busy_for(seconds: u64) -> Failure {
        let retry_after = Some(Duration::from_secs(seconds));
        Failure::Transient { retry_after }
    }

    /// Runs attempts that fail with this classification. Returns their number
    /// and the waits between them.
    async fn waits(retries: &Retries, failure: Failure) -> (u32, Vec<Duration>) {
        let (attempts, waits) = (Cell::new(0), RefCell::new(Vec::new()));
        let attempt = || async {
            attempts.set(attempts.get() + 1);
            Err::<(), _>(failure)
        };
        let notify = |_: &Failure, wait| waits.borrow_mut().push(wait);
        let last = retries.run(attempt, |failure| *failure, notify).await;
        assert_eq!(last, Err(failure));
        (attempts.get(), waits.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn backoff_doubles_up_to_its_limit_with_jitter() {
        let (attempts, waits) = waits(&RETRIES, BUSY).await;
        assert_eq!(attempts, 6);
        let expected = [100, 200, 400, 400, 400].map(Duration::from_millis);
        assert_eq!(waits.len(), expected.len());
        for (wait, least) in waits.into_iter().zip(expected) {
            assert!(wait >= least && wait <= least * 2, "{wait:?} {least:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_transient_failures_are_repeated() {
        let (attempts, _) = waits(&RETRIES, Failure::Final).await;
        assert_eq!(attempts, 1);
        let attempts = Cell::new(0);
        let third = || async {
            attempts.set(attempts.get() + 1);
            if attempts.get() == 3 { Ok(7) } else { Err(()) }
        };
        let answer = RETRIES.run(third, |()| BUSY, |(), _| {}).await;
        assert_eq!(answer, Ok(7));
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_end_some_time_after_the_first_one_began() {
        let retries = Retries {
            limit: RetryLimit::Elapsed(Duration::from_secs(5)),
            ..RETRIES
        };
        let begin = Instant::now();
        let (attempts, _) = waits(&retries, BUSY).await;
        assert!(attempts > 6);
        let longest = Duration::from_millis(5_800);
        assert!((Duration::from_secs(5)..=longest).contains(&begin.elapsed()));

        let (begin, attempts) = (Instant::now(), Cell::new(0));
        let slow = || async {
            attempts.set(attempts.get() + 1);
            tokio::time::sleep(Duration::from_secs(2)).await;
            Err::<(), _>(())
        };
        let ended = retries.run(slow, |()| BUSY, |(), _| {}).await;
        assert_eq!((ended, attempts.get()), (Err(()), 3));
        assert!(begin.elapsed() < Duration::from_millis(7_500));
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_lengthens_the_wait() {
        let (attempts, waits) = waits(&RETRIES, busy_for(10)).await;
        assert_eq!(attempts, 6);
        let range = Duration::from_millis(10_050)..=Duration::from_millis(10_400);
        assert!(waits.iter().all(|wait| range.contains(wait)), "{waits:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_retry_after_ends_or_is_shortened() {
        let (attempts, _) = waits(&RETRIES, busy_for(11)).await;
        assert_eq!(attempts, 1);
        let retries = Retries {
            beyond: LongRetryAfter::Shorten,
            ..RETRIES
        };
        let (attempts, waits) = waits(&retries, busy_for(u64::MAX)).await;
        assert_eq!(attempts, 6);
        assert!(waits.iter().all(|wait| *wait < Duration::from_secs(11)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_sum_of_the_waits_is_limited() {
        let retries = Retries {
            limit: RetryLimit::AttemptsAndWaits(6, Duration::from_secs(5)),
            ..RETRIES
        };
        let (attempts, waits_of_two) = waits(&retries, busy_for(2)).await;
        assert_eq!((attempts, waits_of_two.len()), (3, 2));
        assert_eq!(waits(&retries, busy_for(5)).await, (1, Vec::new()));
        assert_eq!(waits(&retries, BUSY).await.0, 6);
    }

    #[test]
    fn retry_after_is_in_seconds_or_a_date() {
        let now = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
        let read = |value: &'static str| {
            let value = HeaderValue::from_static(value);
            let headers = HeaderMap::from_iter([(RETRY_AFTER, value)]);
            retry_after(&headers, now).map(|wait| wait.as_secs())
        };
        assert_eq!(read("7"), Some(7));
        assert_eq!(read("Thu, 01 Jan 2026 00:00:30 GMT"), Some(30));
        assert_eq!(read("Wed, 31 Dec 2025 23:59:59 GMT"), Some(0));
        assert_eq!(read("18446744073709551615"), Some(u64::MAX));
        for odd in ["soon", "", "-1", "1.5"] {
            assert_eq!(read(odd), None, "{odd}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
