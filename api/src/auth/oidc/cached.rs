//! What was fetched from the provider, kept for a while.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::error::OidcError;

/// How old a copy may be before it is fetched anew.
const FRESH: Duration = Duration::from_secs(60 * 60);

/// How long the provider is left in peace after an attempt that failed.
const REST: Duration = Duration::from_secs(2);

/// How often at most a copy that is fresh is fetched anew.
const FORCE_EVERY: Duration = Duration::from_secs(10);

/// A copy of something of the provider's. One request fetches it, others wait.
pub(super) struct Cached<T> {
    state: Mutex<State<T>>,
}

struct State<T> {
    copy: Option<(Arc<T>, Instant)>,
    failed: Option<Instant>,
    forced: Option<Instant>,
}

impl<T> Cached<T> {
    pub(super) fn new() -> Self {
        let state = State {
            copy: None,
            failed: None,
            forced: None,
        };
        Self {
            state: Mutex::new(state),
        }
    }

    /// The copy. One that should be fetched anew, but cannot be, still holds.
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
        if state.failed.is_some_and(|at| now < at + REST) {
            return state.stale(OidcError::Resting);
        }
        state.renew(now, fetch).await
    }

    /// A copy newer than `known`, whatever its age; but strangers cannot make
    /// us ask for it again and again.
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

impl<T> State<T> {
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
                // Those who waited for it are not to try again one by one.
                self.failed = Some(now + began.elapsed());
                self.stale(error)
            }
        }
    }

    fn stale(&self, error: OidcError) -> Result<Arc<T>, OidcError> {
        match &self.copy {
            Some((copy, _)) => {
                tracing::warn!(%error, "what is known of the sign-in provider is old");
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

    /// When nobody rests any more, however little the failure took.
    const AFTER_REST: Duration = Duration::from_secs(3);

    /// Counts how often it is asked, and answers that number.
    #[derive(Default)]
    struct Source(AtomicU32);

    impl Source {
        async fn fetch(&self) -> Result<u32, OidcError> {
            Ok(self.0.fetch_add(1, Ordering::Relaxed) + 1)
        }
    }

    async fn fails() -> Result<u32, OidcError> {
        Err(OidcError::Odd("no".to_owned()))
    }

    #[tokio::test]
    async fn it_is_fetched_once_an_hour() {
        let (cached, source, start) = (Cached::new(), Source::default(), Instant::now());
        let at = async |after| *cached.get(start + after, source.fetch()).await.unwrap();
        assert_eq!(at(Duration::ZERO).await, 1);
        assert_eq!(at(FRESH - Duration::from_secs(1)).await, 1);
        assert_eq!(at(FRESH).await, 2);
    }

    #[tokio::test]
    async fn an_old_copy_holds_while_there_is_no_newer() {
        let (cached, source, start) = (Cached::new(), Source::default(), Instant::now());
        cached.get(start, source.fetch()).await.unwrap();
        assert_eq!(*cached.get(start + FRESH, fails()).await.unwrap(), 1);
        let at = async |after| *cached.get(start + after, source.fetch()).await.unwrap();
        assert_eq!(at(FRESH).await, 1, "it rests");
        assert_eq!(at(FRESH + AFTER_REST).await, 2);
    }

    #[tokio::test]
    async fn without_a_copy_a_failure_is_told_and_not_repeated_at_once() {
        let (cached, source, start) = (Cached::new(), Source::default(), Instant::now());
        let told = cached.get(start, fails()).await;
        assert!(matches!(told, Err(OidcError::Odd(_))));
        let told = cached.get(start, source.fetch()).await;
        assert!(matches!(told, Err(OidcError::Resting)));
        let rested = start + AFTER_REST;
        assert_eq!(*cached.get(rested, source.fetch()).await.unwrap(), 1);
    }

    /// Its time passes while it is waited for.
    async fn fails_after_a_while() -> Result<u32, OidcError> {
        tokio::time::sleep(Duration::from_millis(20)).await;
        fails().await
    }

    #[tokio::test]
    async fn who_waited_for_a_failure_does_not_ask_again() {
        let (cached, source, start) = (Cached::new(), Source::default(), Instant::now());
        let told = cached.get(start, fails_after_a_while()).await;
        assert!(told.is_err());
        let waited = start + REST + Duration::from_millis(10);
        let told = cached.get(waited, source.fetch()).await;
        assert!(matches!(told, Err(OidcError::Resting)));
    }

    #[tokio::test]
    async fn a_newer_one_is_asked_for_now_and_then_at_most() {
        let (cached, source, start) = (Cached::new(), Source::default(), Instant::now());
        let newer = async |after, known: &Arc<u32>| {
            let asked = cached.newer(start + after, known, source.fetch());
            asked.await.unwrap()
        };
        let first = cached.get(start, source.fetch()).await.unwrap();
        let second = newer(Duration::ZERO, &first).await;
        assert_eq!(*second, 2);
        let late = newer(Duration::ZERO, &first).await;
        assert_eq!(*late, 2, "who comes late has it already");
        let soon = newer(Duration::ZERO, &second).await;
        assert_eq!(*soon, 2, "not so soon");
        assert_eq!(*newer(FORCE_EVERY, &second).await, 3);
    }
}
