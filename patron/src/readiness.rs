//! When `/readyz` says that the API should get no requests.

use std::time::Duration;

use anyhow::Context;
use clap::Args;

use crate::span::span;

/// What makes the API unready.
#[derive(Args, Clone, Debug)]
pub(crate) struct ReadinessOptions {
    /// How old the oldest event that a view has not folded may be before /readyz answers 503, in
    /// seconds or as 90s or 5m
    #[arg(long, env = "PATRON_READY_LAG", default_value = "60",
          value_parser = seconds, value_name = "TIME")]
    ready_lag: Duration,
}

impl ReadinessOptions {
    /// How long an event may stay unfolded.
    pub(crate) fn lag(&self) -> Duration {
        self.ready_lag
    }
}

/// Reads a whole number of seconds, or a time with a unit.
fn seconds(text: &str) -> anyhow::Result<Duration> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return span(text);
    }
    let seconds: u32 = text
        .parse()
        .with_context(|| format!("{text:?} is too many seconds"))?;
    Ok(Duration::from_secs(seconds.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_need_no_unit() {
        let read = |text| seconds(text).ok().map(|time| time.as_millis());
        assert_eq!((read("60"), read("0")), (Some(60_000), Some(0)));
        assert_eq!((read("500ms"), read("5m")), (Some(500), Some(300_000)));
        for odd in ["", "-1", "1.5", "s", "99999999999"] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }
}
