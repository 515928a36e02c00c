//! Options of `/readyz`.

use std::time::Duration;

use anyhow::Context;
use clap::Args;

use crate::duration::parse_duration;

/// Lag at which the API counts as unready.
#[derive(Args, Clone, Debug)]
pub(crate) struct ReadinessOptions {
    /// Age of the oldest unfolded event from which /readyz answers 503, in seconds or as 90s or 5m
    #[arg(long, env = "PATRON_READY_LAG", default_value = "60",
          value_parser = seconds, value_name = "TIME")]
    ready_lag: Duration,
}

impl ReadinessOptions {
    /// Returns how long an event may stay unfolded.
    pub(crate) fn lag(&self) -> Duration {
        self.ready_lag
    }
}

/// Parses a whole number of seconds, or a duration with a unit.
fn seconds(text: &str) -> anyhow::Result<Duration> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return parse_duration(text);
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
