//! Conversion of times in files to RFC 3339, in UTC with milliseconds.

use anyhow::Context;
use chrono::format::{Item, Parsed, StrftimeItems, parse};
use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, SecondsFormat, Utc};

/// Format of the times in a file.
#[derive(Debug)]
pub(super) enum DateFormat {
    /// RFC 3339, or `YYYY-MM-DD`.
    Rfc3339,
    /// Format of `--date-format`.
    Strftime {
        text: String,
        items: Vec<Item<'static>>,
    },
}

impl DateFormat {
    /// Parses the format of `--date-format`; `None` means RFC 3339.
    pub(super) fn new(format: Option<&str>) -> anyhow::Result<Self> {
        let Some(text) = format else {
            return Ok(Self::Rfc3339);
        };
        let items = StrftimeItems::new(text)
            .parse_to_owned()
            .with_context(|| format!("--date-format {text}: not a strftime format"))?;
        Ok(Self::Strftime {
            text: text.into(),
            items,
        })
    }

    /// Returns the time in RFC 3339.
    ///
    /// # Errors
    /// Returns the rest of a sentence that begins with the text.
    pub(super) fn to_rfc3339(&self, text: &str) -> Result<String, String> {
        let text = text.trim();
        let time = match self {
            Self::Rfc3339 => rfc3339(text).ok_or_else(|| {
                "is not an RFC 3339 time or a date like 2026-01-31 (use --date-format for other \
                 formats)"
                    .to_owned()
            })?,
            Self::Strftime {
                text: format,
                items,
            } => strftime(text, items)
                .map_err(|problem| format!("is not a time in the format {format}: {problem}"))?,
        };
        if !(0..=9999).contains(&time.year()) {
            return Err("has a year that is not between 0 and 9999".into());
        }
        Ok(time.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

fn rfc3339(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(date.and_time(NaiveTime::MIN).and_utc())
}

fn strftime(text: &str, items: &[Item<'static>]) -> chrono::ParseResult<DateTime<Utc>> {
    let mut parsed = Parsed::new();
    parse(&mut parsed, text, items.iter())?;
    if parsed.hour_mod_12().is_none() && parsed.timestamp().is_none() {
        return Ok(parsed.to_naive_date()?.and_time(NaiveTime::MIN).and_utc());
    }
    if parsed.offset().is_some() {
        return Ok(parsed.to_datetime()?.to_utc());
    }
    Ok(parsed.to_naive_datetime_with_offset(0)?.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(format: Option<&str>, text: &str) -> Result<String, String> {
        DateFormat::new(format).unwrap().to_rfc3339(text)
    }

    #[test]
    fn rfc3339_and_plain_dates_are_the_default() {
        let ok = |text, wanted: &str| assert_eq!(read(None, text).as_deref(), Ok(wanted));
        ok("2026-01-31T23:30:00-05:00", "2026-02-01T04:30:00.000Z");
        ok("2026-01-31T23:30:00.123456Z", "2026-01-31T23:30:00.123Z");
        ok("2026-01-31", "2026-01-31T00:00:00.000Z");
        for text in [
            "2026-02-30",
            "31/01/2026",
            "2026-01-31 10:00",
            "19970101",
            "",
        ] {
            assert!(
                read(None, text).unwrap_err().contains("--date-format"),
                "{text}"
            );
        }
    }

    #[test]
    fn times_without_an_offset_are_utc_and_dates_are_their_midnight() {
        let ok = |format, text, wanted: &str| {
            assert_eq!(read(Some(format), text).as_deref(), Ok(wanted));
        };
        ok("%Y%m%d", "19970101", "1997-01-01T00:00:00.000Z");
        ok(
            "%d/%m/%Y %H:%M",
            "31/01/2026 09:05",
            "2026-01-31T09:05:00.000Z",
        );
        ok(
            "%d/%m/%Y %H:%M %z",
            "31/01/2026 09:05 +0200",
            "2026-01-31T07:05:00.000Z",
        );
        ok("%s", "852076800", "1997-01-01T00:00:00.000Z");
        ok("%d %b %Y", "1 Jan 1997", "1997-01-01T00:00:00.000Z");
        ok(
            "%m/%d/%Y %I:%M %p",
            "01/31/2026 01:05 PM",
            "2026-01-31T13:05:00.000Z",
        );
    }

    #[test]
    fn impossible_dates_and_formats_are_errors() {
        assert!(
            read(Some("%Y%m%d"), "19970230")
                .unwrap_err()
                .contains("%Y%m%d")
        );
        assert!(read(Some("%Y%m%d"), "1997010").is_err());
        assert!(read(Some("%Y%m%d"), "19970101x").is_err());
        assert!(DateFormat::new(Some("%Q")).is_err());
    }
}
