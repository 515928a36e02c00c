//! Parser of durations in options.

use std::time::Duration;

use anyhow::{Context, bail};

/// Parses a duration such as `500ms`, `10s`, `30m` or `1h`.
pub(crate) fn parse_duration(text: &str) -> anyhow::Result<Duration> {
    let at = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (count, unit) = text.split_at(at);
    let count: u32 = count
        .parse()
        .with_context(|| format!("{text:?} is not a duration such as 10s"))?;
    let unit = match unit {
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(60 * 60),
        _ => bail!("a duration ends in ms, s, m or h"),
    };
    Ok(unit * count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_unit() {
        let parse = |text| parse_duration(text).ok().map(|parsed| parsed.as_millis());
        assert_eq!(parse("500ms"), Some(500));
        assert_eq!(
            (parse("10s"), parse("30m")),
            (Some(10_000), Some(1_800_000))
        );
        assert_eq!(parse("1h"), Some(3_600_000));
        for invalid in ["", "10", "s", "-1s", "1.5s", "1 s", "1d", "99999999999s"] {
            assert_eq!(parse(invalid), None, "{invalid}");
        }
    }
}
