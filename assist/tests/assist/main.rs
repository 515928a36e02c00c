//! Requests in plain words against the rules that they must mean.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails where it stands"
)]

mod answers;
mod explanations;
mod hostile;
mod laws;
mod population;
mod requests;
mod store;
