//! Setup of log output.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

/// Starts logging to standard error: as text, or as one JSON object per line with
/// `PATRON_LOG_FORMAT=json`. `PATRON_LOG` is the filter, such as `info` or `warn,api=debug`.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_env("PATRON_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    if std::env::var("PATRON_LOG_FORMAT").is_ok_and(|format| format == "json") {
        lines.json().flatten_event(true).init();
    } else {
        lines.with_target(false).init();
    }
}
