//! Black-box tests of the programs, on real engines.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed step should fail the test at its line"
)]

mod api;
mod architecture;
mod campaigns;
mod cdnow;
mod cli;
mod commands;
mod crashes;
mod demo;
mod engines;
mod eventlog;
mod import;
mod older_redis;
mod operator_commands;
mod projections;
mod support;
mod tls;
mod up;
