//! Requests in plain words against the rules that they must mean, and what a
//! language model says against all that it must not.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails where it stands"
)]

mod answers;
mod explanations;
mod hostile;
mod laws;
mod model;
mod population;
mod requests;
mod store;
