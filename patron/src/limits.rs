//! What one process gives, as options say it.

use std::num::NonZeroU32;
use std::time::Duration;

use api::Limits;
use clap::Args;

use crate::span::span;

/// What strangers, and those in a hurry, can take of the server.
#[derive(Args, Clone, Debug)]
pub(crate) struct LimitOptions {
    /// Requests in a second with one credential, twice as many at once; 0 for any number
    #[arg(
        long,
        env = "PATRON_RATE_PER_CREDENTIAL",
        default_value_t = 1_000,
        value_name = "N"
    )]
    rate_per_credential: u32,

    /// Requests in a second from one address without a valid credential, four times as many at
    /// once; 0 for any number
    #[arg(
        long,
        env = "PATRON_RATE_PER_ADDRESS",
        default_value_t = 50,
        value_name = "N"
    )]
    rate_per_address: u32,

    /// Requests under way at once
    #[arg(long, env = "PATRON_MAX_REQUESTS", default_value_t = 512,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "N")]
    max_requests: u32,

    /// Connections at once
    #[arg(long, env = "PATRON_MAX_CONNECTIONS", default_value_t = 4_096,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "N")]
    max_connections: u32,

    /// Reads of the whole log at once, such as reconciliations and previews of the past; one
    /// credential has a quarter of them
    #[arg(long, env = "PATRON_MAX_LOG_READS", default_value_t = 16,
          value_parser = clap::value_parser!(u32).range(1..=1_000), value_name = "N")]
    max_log_reads: u32,

    /// After how long a read of the whole log continues as a job, which the client is referred
    /// to, 15s at most; 0s makes each a job at once
    #[arg(long, env = "PATRON_JOB_AFTER", default_value = "5s",
          value_parser = span, value_name = "TIME")]
    job_after: Duration,

    /// How long a client may leave the server waiting: for a request's head, or to take any of
    /// its answer
    #[arg(long, env = "PATRON_SLOW_CLIENT_TIMEOUT", default_value = "30s",
          value_parser = span, value_name = "TIME")]
    slow_client_timeout: Duration,
}

impl LimitOptions {
    /// What the API is given.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            connections: self.max_connections as usize,
            requests: self.max_requests as usize,
            per_credential: NonZeroU32::new(self.rate_per_credential),
            per_address: NonZeroU32::new(self.rate_per_address),
            log_reads: self.max_log_reads as usize,
            job_after: self.job_after,
            patience: self.slow_client_timeout,
            ..Limits::default()
        }
    }
}
