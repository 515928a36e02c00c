//! Reading of bodies whose sender can only be verified afterward, because the body contains
//! the credential or is what the signature covers.

use std::net::IpAddr;
use std::pin::pin;
use std::time::Duration;

use axum::extract::Request;
use tokio::time::timeout;

use crate::http::limits;
use crate::http::payload::{self, CompleteBody};
use crate::http::problem::{Problem, ProblemKind};
use crate::state::AppContext;

/// Maximum time for a body to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Part of [`BODY_TIMEOUT`] after which a body counts as slow and needs a slot.
const SLOW_AFTER: Duration = Duration::from_secs(1);

/// Reads a body of at most `limit` bytes whose sender is not verified yet. A body that is
/// slow, incomplete or too large counts against the rate limit of its address.
///
/// # Errors
/// Like [`payload::read`], 429 if the rate limit is exceeded, and 503 for a body that does
/// not arrive in time.
pub(crate) async fn read(
    app: &AppContext,
    address: Option<IpAddr>,
    request: Request,
    limit: usize,
) -> Result<CompleteBody, Problem> {
    let reservation = app.senders.reserve(address);
    let evicted = reservation.evicted();
    // An evicted body must be dropped, to free its memory for others.
    let mut reading = pin!(evicted.run_until_cancelled(payload::read(request, reservation, limit)));
    let read = match timeout(SLOW_AFTER, &mut reading).await {
        Ok(read) => read.unwrap_or_else(|| Err(limits::out_of_body_memory())),
        Err(_) => match app.senders.slow_place(address) {
            Some(_place) => match timeout(BODY_TIMEOUT - SLOW_AFTER, reading).await {
                Ok(read) => read.unwrap_or_else(|| Err(limits::out_of_body_memory())),
                Err(_) => {
                    let limit = BODY_TIMEOUT.as_secs();
                    let detail = format!("the body must arrive within {limit} s");
                    Err(Problem::new(ProblemKind::Timeout, detail))
                }
            },
            None => {
                let detail = "too many slow uploads from this address, or from addresses without \
                              a valid signature; send each body without delay";
                Err(Problem::new(ProblemKind::TooManyRequests, detail))
            }
        },
    };
    read.map_err(|problem| match problem.kind() {
        // The server lacks memory; the sender is not at fault.
        ProblemKind::Busy => problem,
        _ => {
            let counted = app.identity.rates.check_address(address);
            counted.err().unwrap_or(problem)
        }
    })
}
