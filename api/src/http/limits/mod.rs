//! Limits that protect the server from overload: connections, concurrent requests,
//! memory for bodies and answers, requests per second, and long reads of the log.

mod answers;
mod body_budget;
mod log_reads;
mod rates;
mod senders;
mod shares;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

pub(crate) use answers::{AnswerBudget, AnswerMemory};
pub(crate) use body_budget::{BodyBudget, Reservation, out_of_body_memory};
pub(crate) use log_reads::{LogRead, LogReads};
pub(crate) use rates::Rates;
pub(crate) use senders::Senders;
pub(crate) use shares::{Share, Shares};

use crate::http::problem::{Problem, ProblemKind};
use crate::http::request_id;

/// Limits of one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Maximum number of connections. Further ones wait to be accepted.
    pub connections: usize,
    /// Maximum number of concurrent requests, health checks and receipts excluded.
    /// Further ones are answered with 503.
    pub requests: usize,
    /// Maximum memory in bytes for bodies that are being read or processed, and for answers
    /// that are being read. A request that needs more is answered with 503.
    pub bodies: usize,
    /// Requests per second with one credential, with bursts of twice as many. Beyond
    /// it, requests are answered with 429. `None` for no limit.
    pub per_credential: Option<NonZeroU32>,
    /// Requests per second from one address without a valid credential, with bursts of
    /// four times as many. Beyond it, requests are answered with 429. `None` for no
    /// limit.
    pub per_address: Option<NonZeroU32>,
    /// Maximum number of concurrent reads of the whole log, jobs included. Further
    /// ones wait for a short time and are then answered with 503. One credential may
    /// use a quarter of them.
    pub log_reads: usize,
    /// Time after which a read of the whole log becomes a job. At most half of the
    /// request timeout.
    pub job_after: Duration,
    /// Maximum time for a client to send a request's head or to receive any part of a
    /// response, and maximum idle time of a connection.
    pub slow_client_timeout: Duration,
}

impl Limits {
    /// Returns the places of reads that wait for a view: half of the concurrent requests, an
    /// eighth for one caller.
    pub(crate) fn waiting_reads(&self) -> Shares {
        Shares::new(self.requests / 2, self.requests / 8)
    }

    /// Returns the places of event streams: a quarter of the connections, a sixteenth for
    /// one caller.
    pub(crate) fn streams(&self) -> Shares {
        Shares::new(self.connections / 4, self.connections / 16)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4_096,
            requests: 512,
            bodies: 512 * 1024 * 1024,
            per_credential: NonZeroU32::new(1_000),
            per_address: NonZeroU32::new(50),
            log_reads: 16,
            job_after: Duration::from_secs(5),
            slow_client_timeout: Duration::from_secs(30),
        }
    }
}

/// Maximum number of a request's headers. More are answered with 431.
pub(crate) const MAX_HEADERS: usize = 64;

/// Maximum size of a request's head in bytes: path, query, and the names and values
/// of the headers.
pub(crate) const MAX_HEAD: usize = 64 * 1024;

/// Maximum number of connections beyond the limit that are kept open for a moment, so that
/// health checks are answered on them.
pub(crate) const SPARE_CONNECTIONS: usize = 64;

/// Maximum number of concurrent posts of receipts with a valid signature.
pub(crate) const RECEIPT_PLACES: usize = 64;

/// Limit on the number of concurrent requests.
#[derive(Debug, Clone)]
pub(crate) struct RequestLimit {
    places: Arc<Semaphore>,
    unlimited: &'static [&'static str],
}

impl RequestLimit {
    /// Creates a limit that does not apply to the paths in `unlimited`.
    pub(crate) fn new(places: Arc<Semaphore>, unlimited: &'static [&'static str]) -> Self {
        Self { places, unlimited }
    }
}

/// Middleware that rejects requests beyond the maximum number of concurrent ones,
/// instead of letting them wait. tower's `ConcurrencyLimit` has no exceptions for
/// single paths.
pub(crate) async fn admit(
    State(RequestLimit { places, unlimited }): State<RequestLimit>,
    request: Request,
    next: Next,
) -> Response {
    if unlimited.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    match acquire_place(&places) {
        Ok(_place) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Takes a place among the concurrent requests.
///
/// # Errors
/// 503 if none is free.
pub(crate) fn acquire_place(places: &Semaphore) -> Result<SemaphorePermit<'_>, Problem> {
    let detail = "too many concurrent requests; retry later";
    let none_left = |_| Problem::new(ProblemKind::Busy, detail);
    places.try_acquire().map_err(none_left)
}

/// Rejects a request head that is too large. The check is exact, except for the
/// request id, which an outer layer may have replaced; hyper's own limit lets somewhat
/// larger heads through.
///
/// # Errors
/// 431 for more than [`MAX_HEAD`] bytes.
#[expect(clippy::result_large_err, reason = "tower-http fixes the signature")]
pub(crate) fn check_head_size(request: &mut Request) -> Result<(), Response> {
    let target = request.uri().path_and_query();
    let target = target.map_or(0, |target| target.as_str().len());
    let headers = request.headers().iter();
    let headers = headers.filter(|(name, _)| **name != request_id::HEADER);
    let headers = headers.map(|(name, value)| name.as_str().len() + value.len());
    let bytes = target + headers.sum::<usize>();
    if bytes > MAX_HEAD {
        let detail = format!("the request head has {bytes} bytes; the limit is {MAX_HEAD}");
        return Err(Problem::new(ProblemKind::HeadTooLarge, detail).into_response());
    }
    Ok(())
}

/// Maximum time that a request waits for a permit.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum number of requests that wait for permits of one kind. They hold places of
/// concurrent requests meanwhile.
const MAX_QUEUE: usize = 64;

/// Permits for operations of one kind, of which only a few run at a time.
pub(crate) struct Permits {
    permits: Semaphore,
    queue: Semaphore,
}

impl Permits {
    pub(crate) fn new(count: usize) -> Self {
        Self {
            permits: Semaphore::new(count),
            queue: Semaphore::new(MAX_QUEUE),
        }
    }

    /// Waits up to 10 s for a permit.
    ///
    /// # Errors
    /// 503 if none becomes free in time, or too many requests wait.
    pub(crate) async fn wait(&self) -> Result<SemaphorePermit<'_>, Problem> {
        if let Ok(permit) = self.permits.try_acquire() {
            return Ok(permit);
        }
        let _waiting = self.queue.try_acquire().map_err(|_| too_many())?;
        permit_by(Instant::now() + PERMIT_TIMEOUT, self.permits.acquire()).await
    }
}

/// Returns the problem of a request of a kind of which too many run or wait.
fn too_many() -> Problem {
    let detail = "too many concurrent requests of this kind; retry later";
    Problem::new(ProblemKind::Busy, detail)
}

/// Waits for a permit until `by`.
///
/// # Errors
/// 503 if none becomes free in time.
pub(crate) async fn permit_by<P>(
    by: Instant,
    permit: impl Future<Output = Result<P, AcquireError>>,
) -> Result<P, Problem> {
    match timeout_at(by, permit).await {
        Ok(Ok(permit)) => Ok(permit),
        _ => Err(too_many()),
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::join_all;

    use super::*;

    #[tokio::test]
    async fn a_queue_for_permits_is_limited() {
        let permits = Permits::new(1);
        let running = permits.wait().now_or_never();
        assert!(matches!(running, Some(Ok(_))));
        let mut waiting = join_all((0..MAX_QUEUE).map(|_| Box::pin(permits.wait())));
        assert!((&mut waiting).now_or_never().is_none());
        let refused = permits.wait().now_or_never();
        let refused = refused.expect("at once").map_err(|problem| problem.kind());
        assert_eq!(refused.err(), Some(ProblemKind::Busy));
        drop(waiting);
        assert!(permits.wait().now_or_never().is_none());
        drop(running);
        assert!(permits.wait().now_or_never().is_some());
    }
}
