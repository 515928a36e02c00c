//! Lengths of time, as options have them.

use std::time::Duration;

use anyhow::{Context, bail};

/// Reads `500ms`, `10s`, `30m` or `1h`.
pub(crate) fn span(text: &str) -> anyhow::Result<Duration> {
    let at = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (count, unit) = text.split_at(at);
    let count: u32 = count
        .parse()
        .with_context(|| format!("{text:?} is no time such as 10s"))?;
    let unit = match unit {
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(60 * 60),
        _ => bail!("a time ends in ms, s, m or h"),
    };
    Ok(unit * count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit() {
        let read = |text| span(text).ok().map(|span| span.as_millis());
        assert_eq!(read("500ms"), Some(500));
        assert_eq!((read("10s"), read("30m")), (Some(10_000), Some(1_800_000)));
        assert_eq!(read("1h"), Some(3_600_000));
        for odd in ["", "10", "s", "-1s", "1.5s", "1 s", "1d", "99999999999s"] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }
}
