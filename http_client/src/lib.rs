//! HTTP client for servers that Patron does not control.
//!
//! # Guarantees
//!
//! - **Time.** An exchange ends within [`Policy::timeout`], from connecting to
//!   the last byte of the response body.
//! - **Size.** A response body takes at most [`Policy::max_body`] bytes of
//!   memory. A longer one is an error, and a declared length is not trusted.
//! - **No redirects.** A redirect is returned like any other response, so a
//!   request and its credentials reach no server but the one it names.
//! - **No repetition.** [`HttpClient::send`] is one attempt. [`Retries`] repeats
//!   attempts, and only after failures that the caller classifies as transient.
//!   Waits grow, have jitter, and honor `Retry-After` within a limit.
//!
//! The caller interprets the status: every response is `Ok`, whatever its status,
//! and its body is read only if the caller asks for it.

mod client;
mod retry;

pub use client::{HttpClient, HttpError, Policy, Response};
pub use retry::{Failure, LongRetryAfter, Retries, RetryLimit, retry_after};
