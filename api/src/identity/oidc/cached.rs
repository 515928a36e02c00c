//! Cache of a document that is fetched from the provider.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::error::OidcError;

/// Age at which a copy is fetched again.
const FRESH: Duration = Duration::from_secs(60 * 60);

/// Minimum time between a failed fetch and the next one.
const BACKOFF: Duration = Duration::from_secs(2);

/// Minimum time between forced fetches of a fresh copy.
const FORCE_EVERY: Duration = Duration::from_secs(10);

/// Cached copy of one of the provider's documents. One request fetches it, and
/// concurrent requests wait for that.
pub(super) struct Cached<T> {
    state: Mutex<CacheState<T>>,
}

struct CacheState<T> {
    /// The copy, and when it was fetched.
    copy: Option<(Arc<T>, Instant)>,
    /// Time of the last failed fetch, unless one has succeeded since.
    failed: Option<Instant>,
    /// Time of the last forced fetch.
    forced: Option<Instant>,
}

impl<T> Cached<T> {
    pub(super) fn new() -> Self {
        let state = CacheState {
            copy: None,
            failed: None,
            forced: None,
        };
        Self {
            state: Mutex::new(state),
        }
    }

    /// Returns the copy, and fetches it again if it is old. If that fails, the old
    /// copy stays in use.
    pub(super) async fn get(
        &self,
        now: Instant,
        fetch: impl Future<Output = Result<T, OidcError>>,
    ) -> Result<Arc<T>, OidcError> {
        let mut state = self.state.lock().await;
        match &state.copy {
            Some((copy, at)) if now < *at + FRESH => return Ok(copy.clone()),
            _ => {}
        }
        if state.failed.is_some_and(|at| now < at + BACKOFF) {
            return state.stale_copy_or(OidcError::BackingOff);
        }
        state.renew(now, fetch).await
    }

    /// Returns a copy newer than `known`, regardless of the age of `known`. Forced
    /// fetches are limited, since an anonymous client can cause them with a token that
    /// names an unknown key. Within [`FORCE_EVERY`] of the last one, `known` is returned.
    pub(super) async fn newer(
        &self,
        now: Instant,
        known: &Arc<T>,
        fetch: impl Future<Output = Result<T, OidcError>>,
    ) -> Result<Arc<T>, OidcError> {
        let mut state = self.state.lock().await;
        match &state.copy {
            Some((copy, _)) if !Arc::ptr_eq(copy, known) => return Ok(copy.clone()),
            _ => {}
        }
        if state.forced.is_some_and(|at| now < at + FORCE_EVERY) {
            return Ok(known.clone());
        }
        state.forced = Some(now);
        state.renew(now, fetch).await
    }
}

impl<T> CacheState<T> {
    async fn renew(
        &mut self,
        now: Instant,
        fetch: impl Future<Output = Result<T, OidcError>>,
    ) -> Result<Arc<T>, OidcError> {
        let began = Instant::now();
        match fetch.await {
            Ok(fetched) => {
                let copy = Arc::new(fetched);
                self.copy = Some((copy.clone(), now));
                self.failed = None;
                Ok(copy)
            }
            Err(error) => {
                // The backoff counts from the end of the failed fetch. Otherwise
                // requests that waited for it would retry one after the other.
                self.failed = Some(now + began.elapsed());
                self.stale_copy_or(error)
            }
        }
    }

    fn stale_copy_or(&self, error: OidcError) -> Result<Arc<T>, OidcError> {
        match &self.copy {
            Some((copy, _)) => {
                tracing::warn!(%error, "using an old copy of the sign-in provider's metadata");
                Ok(copy.clone())
            }
            None => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Time after which the backoff is over, including the duration of the failed fetch.
    const AFTER_BACKOFF: Duration = Duration::from_secs(3);

    /// Source that returns the number of times that it was fetched.
    #[derive(Default)]
    struct Source(AtomicU32);

    impl Source {
        async fn fetch(&self) -> Result<u32, OidcError> {
            Ok(self.0.fetch_add(1, Ordering::Relaxed) + 1)
        }
    }

    async fn fails() -> Result<u32, OidcError> {
        Err(OidcError::Invalid("no".to_owned()))
    }

    #[tokio::test]
    async fn a_copy_is_fetched_once_an_hour() {
        let (cached, source, start) = (Cached::new(), Source::default(), Instant::now());
        let at = async |after| *cached.get(start + after, source.fetch()).await.unwrap();
        assert_eq!(at(Duration::ZERO).await, 1);
        assert_eq!(at(FRESH - Duration::from_secs(1)).await, 1);
        assert_eq!(at(FRESH).await, 2);
    }

    #[tokio::test]
    async fn an_old_copy_is_used_while_fetching_fails() {
        let (cached, source, start) = (Cached::new(), Source::default(), Instant::now());
        cached.get(start, source.fetch()).await.unwrap();
        assert_eq!(*cached.get(start + FRESH, fails()).await.unwrap(), 1);
        let at = async |after| *cached.get(start + after, source.fetch()).await.unwrap();
        assert_eq!(at(FRESH).await, 1, "backoff");
        assert_eq!(at(FRESH + AFTER_BACKOFF).await, 2);
    }

    #[tokio::test]
    async fn without_a_copy_a_failure_is_returned_and_starts_a_backoff() {
        let (cached, source, start) = (Cached::new(), Source::default(), Instant::now());
        let first = cached.get(start, fails()).await;
        assert!(matches!(first, Err(OidcError::Invalid(_))));
        let second = cached.get(start, source.fetch()).await;
        assert!(matches!(second, Err(OidcError::BackingOff)));
        let later = start + AFTER_BACKOFF;
        assert_eq!(*cached.get(later, source.fetch()).await.unwrap(), 1);
    }

    /// Fails after a delay, during which other requests wait.
    async fn fails_after_a_while() -> Result<u32, OidcError> {
        tokio::time::sleep(Duration::from_millis(20)).await;
        fails().await
    }

    #[tokio::test]
    async fn requests_that_waited_for_a_failure_do_not_fetch_again() {
        let (cached, source, start) = (Cached::new(), Source::default(), Instant::now());
        let first = cached.get(start, fails_after_a_while()).await;
        assert!(first.is_err());
        let waited = start + BACKOFF + Duration::from_millis(10);
        let second = cached.get(waited, source.fetch()).await;
        assert!(matches!(second, Err(OidcError::BackingOff)));
    }

    #[tokio::test]
    async fn forced_fetches_are_rate_limited() {
        let (cached, source, start) = (Cached::new(), Source::default(), Instant::now());
        let newer = async |after, known: &Arc<u32>| {
            let newer = cached.newer(start + after, known, source.fetch());
            newer.await.unwrap()
        };
        let first = cached.get(start, source.fetch()).await.unwrap();
        let second = newer(Duration::ZERO, &first).await;
        assert_eq!(*second, 2);
        let late = newer(Duration::ZERO, &first).await;
        assert_eq!(*late, 2, "fetched already");
        let soon = newer(Duration::ZERO, &second).await;
        assert_eq!(*soon, 2, "too soon");
        assert_eq!(*newer(FORCE_EVERY, &second).await, 3);
    }
}
