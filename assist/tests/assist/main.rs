//! Tests of the builtin engine against expected rules, and of the language model's client
//! against a fake server.
#![allow(
    clippy::unwrap_used,
    reason = "a failed precondition fails the test at that line"
)]

mod answers;
mod explanations;
mod hostile;
mod laws;
mod model;
mod population;
mod prose;
mod requests;
mod store;
