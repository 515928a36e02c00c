//! Options of the API's rate, concurrency and time limits.

use std::num::NonZeroU32;
use std::time::Duration;

use api::Limits;
use clap::Args;

use crate::duration::parse_duration;

/// Limits that keep clients, authenticated or not, from exhausting a process.
#[derive(Args, Clone, Debug)]
pub(crate) struct LimitOptions {
    /// Requests per second with one credential, twice as many in a burst; 0 for no limit
    #[arg(
        long,
        env = "PATRON_RATE_PER_CREDENTIAL",
        default_value_t = 1_000,
        value_name = "N"
    )]
    rate_per_credential: u32,

    /// Requests per second from one address without a valid credential, four times as many in a
    /// burst; 0 for no limit
    #[arg(
        long,
        env = "PATRON_RATE_PER_ADDRESS",
        default_value_t = 50,
        value_name = "N"
    )]
    rate_per_address: u32,

    /// Concurrent requests; half of them may wait for a view
    #[arg(long, env = "PATRON_MAX_REQUESTS", default_value_t = 512,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "N")]
    max_requests: u32,

    /// Concurrent connections; a quarter of them may be event streams
    #[arg(long, env = "PATRON_MAX_CONNECTIONS", default_value_t = 4_096,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "N")]
    max_connections: u32,

    /// Concurrent reads of the whole log, such as reconciliations and previews of the past; one
    /// credential may use a quarter of them
    #[arg(long, env = "PATRON_MAX_LOG_READS", default_value_t = 16,
          value_parser = clap::value_parser!(u32).range(1..=1_000), value_name = "N")]
    max_log_reads: u32,

    /// Time after which a read of the whole log continues as a job, at most 15s; 0s makes each a
    /// job at once
    #[arg(long, env = "PATRON_JOB_AFTER", default_value = "5s",
          value_parser = parse_duration, value_name = "TIME")]
    job_after: Duration,

    /// Time that a client may keep the server waiting: for a request's head, or for the client to
    /// read any of the response
    #[arg(long, env = "PATRON_SLOW_CLIENT_TIMEOUT", default_value = "30s",
          value_parser = parse_duration, value_name = "TIME")]
    slow_client_timeout: Duration,
}

impl LimitOptions {
    /// Returns the API's limits.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            connections: self.max_connections as usize,
            requests: self.max_requests as usize,
            per_credential: NonZeroU32::new(self.rate_per_credential),
            per_address: NonZeroU32::new(self.rate_per_address),
            log_reads: self.max_log_reads as usize,
            job_after: self.job_after,
            slow_client_timeout: self.slow_client_timeout,
            ..Limits::default()
        }
    }
}
