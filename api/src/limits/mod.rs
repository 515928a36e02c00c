//! What strangers, and those in a hurry, can take of the server: connections,
//! requests at once, memory for bodies, and requests in a second.

mod log_reads;
mod rates;
mod room;
mod senders;

use std::num::NonZeroU32;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::{Semaphore, SemaphorePermit};

pub(crate) use log_reads::{LogRead, LogReads};
pub(crate) use rates::Rates;
pub(crate) use room::{Room, Taken, full};
pub(crate) use senders::Senders;

use crate::delivery;
use crate::problem::{Problem, ProblemKind};
use crate::state::AppState;

/// How much one process gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once; who comes later waits to be accepted.
    pub connections: usize,
    /// Requests at once, but for those after the server's health; who comes
    /// later is answered 503.
    pub requests: usize,
    /// Bytes of bodies that are being read or worked on; who needs more is
    /// answered 503.
    pub bodies: usize,
    /// Requests in a second with one credential; twice as many at once. Beyond
    /// it: 429. `None` for no limit.
    pub per_credential: Option<NonZeroU32>,
    /// Requests in a second from one address without a valid credential; four
    /// times as many at once. Beyond it: 429. `None` for no limit.
    pub per_address: Option<NonZeroU32>,
    /// Reads of the whole log at once, jobs included; later ones wait a little
    /// and are then answered 503. One credential has a quarter of them.
    pub log_reads: usize,
    /// After how long a read of the whole log becomes a job; half of the time
    /// that a request may take at most.
    pub job_after: Duration,
    /// How long a client may take to send a request's head, or to receive
    /// anything of its answer, and how long a connection may stand idle.
    pub patience: Duration,
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
            patience: Duration::from_secs(30),
        }
    }
}

/// Bytes of a request's head: what is asked for, and names and values of its
/// headers.
pub(crate) const MAX_HEAD: usize = 64 * 1024;

/// Posts of receipts with a good signature at once.
pub(crate) const RECEIPT_PLACES: usize = 64;

/// Whether the server is well is told however busy it is.
const ALWAYS: [&str; 2] = ["/healthz", "/readyz"];

/// Answers at once who would only wait.
pub(crate) async fn admit(State(app): State<AppState>, request: Request, next: Next) -> Response {
    // Receipts take a place when their signature has shown whose they are.
    let path = request.uri().path();
    if ALWAYS.contains(&path) || path == delivery::PATH {
        return next.run(request).await;
    }
    match place(&app.places) {
        Ok(_place) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// A place among the requests under way.
///
/// # Errors
/// 503 if there is none.
pub(crate) fn place(places: &Semaphore) -> Result<SemaphorePermit<'_>, Problem> {
    let detail = "as many requests are under way as the server takes; send it again";
    let none_left = |_| Problem::new(ProblemKind::Busy, detail);
    places.try_acquire().map_err(none_left)
}

/// Refuses a head that is too large, exactly: what reads it from the connection
/// only stops some time after.
pub(crate) fn head(request: &Request) -> Result<(), Problem> {
    let asked = request.uri().path_and_query();
    let asked = asked.map_or(0, |asked| asked.as_str().len());
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| name.as_str().len() + value.len());
    let bytes = asked + headers.sum::<usize>();
    if bytes > MAX_HEAD {
        let detail = format!("the head has {bytes} bytes, at most {MAX_HEAD} are taken");
        return Err(Problem::new(ProblemKind::HeadTooLarge, detail));
    }
    Ok(())
}
