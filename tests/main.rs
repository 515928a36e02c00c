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
mod engines;
mod eventlog;
mod import;
mod log_commands;
mod older_redis;
mod projections;
mod quarantine_commands;
mod support;
mod tls;
mod up;
