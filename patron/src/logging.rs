//! Setup of log output.

use std::io::{self, IsTerminal};

use api::{Setting, SettingSource};
use tracing_subscriber::EnvFilter;

const FILTER: &str = "PATRON_LOG";
const FORMAT: &str = "PATRON_LOG_FORMAT";

/// Filter without a valid one in the environment.
const DEFAULT_FILTER: &str = "info";

/// Starts logging to standard error: as text, or as one JSON object per line with
/// `PATRON_LOG_FORMAT=json`. `PATRON_LOG` is the filter, such as `info` or `warn,api=debug`.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_env(FILTER);
    let filter = filter.unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    if is_json() {
        lines.json().flatten_event(true).init();
    } else {
        lines.with_target(false).init();
    }
}

fn is_json() -> bool {
    std::env::var(FORMAT).is_ok_and(|format| format == "json")
}

/// Returns the settings of the log as they apply. An invalid value has no effect.
pub(crate) fn settings() -> [Setting; 2] {
    let filter = std::env::var(FILTER).ok();
    let filter = filter.filter(|filter| EnvFilter::try_new(filter).is_ok());
    let format = is_json().then(|| "json".to_owned());
    [(FILTER, filter, DEFAULT_FILTER), (FORMAT, format, "text")].map(|(name, value, default)| {
        Setting {
            name: name.to_owned(),
            flag: None,
            source: match value {
                Some(_) => SettingSource::Environment,
                None => SettingSource::Default,
            },
            value: Some(value.unwrap_or_else(|| default.to_owned())),
            secret: false,
        }
    })
}
