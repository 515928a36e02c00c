//! Dates and times as people write them in rules.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveTime};

use crate::Timestamp;

/// Milliseconds per day.
pub(super) const DAY: i64 = 86_400_000;

/// Instant, or a whole day in UTC: `1997-04-01T12:00:00Z` or `1997-04-01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// A single millisecond.
    Instant(Timestamp),
    /// A whole day. `<= 1997-04-01` includes its last millisecond.
    Day(NaiveDate),
}

impl Moment {
    /// Parses RFC 3339, a date alone, or a date and time without an offset, as
    /// browser inputs produce it, which is read as UTC. Returns `None` for
    /// anything else and outside the years 1900 to 9999.
    pub fn parse(text: &str) -> Option<Self> {
        // The year must have exactly four digits.
        if text.as_bytes().get(4) != Some(&b'-') {
            return None;
        }
        let read = |text: &str| DateTime::parse_from_rfc3339(text).ok();
        let at = match text.len() {
            10 => read(&format!("{text}T00:00:00Z")),
            16 => read(&format!("{text}:00Z")),
            _ => read(text).or_else(|| read(&format!("{text}Z"))),
        }?;
        let instant = Timestamp::from_millis(at.timestamp_millis()).ok()?;
        Some(match text.len() {
            10 => Self::Day(at.date_naive()),
            _ => Self::Instant(instant),
        })
    }

    /// Returns the first millisecond, since 1970.
    pub fn first(self) -> i64 {
        match self {
            Self::Instant(at) => at.millis(),
            Self::Day(date) => date.and_time(NaiveTime::MIN).and_utc().timestamp_millis(),
        }
    }

    /// Returns the last millisecond, since 1970.
    pub fn last(self) -> i64 {
        match self {
            Self::Instant(at) => at.millis(),
            Self::Day(_) => self.first() + DAY - 1,
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instant(at) => at.fmt(f),
            Self::Day(date) => write!(f, "{}", date.format("%Y-%m-%d")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_people_and_browsers_are_parsed() {
        for (text, first, length) in [
            ("1997-04-01", 859_852_800_000, DAY),
            ("1997-04-01T02:00:00+02:00", 859_852_800_000, 1),
            ("1997-04-01T00:00", 859_852_800_000, 1),
            ("1997-04-01T00:00:00.250", 859_852_800_250, 1),
        ] {
            let moment = Moment::parse(text).unwrap();
            assert_eq!(moment.first(), first, "{text}");
            assert_eq!(moment.last() - moment.first() + 1, length, "{text}");
            assert_eq!(Moment::parse(&moment.to_string()), Some(moment), "{text}");
        }
    }

    #[test]
    fn other_texts_are_not_times() {
        for text in [
            "",
            "gold",
            "1997",
            "1997-4-1",
            "1997- 4-01",
            "1997-04- 1",
            "1997-4-1T5:3",
            "1997-04-01T00:00Z",
            "1997-04-01T00:00:00ZZ",
            "1997-04-01T",
            "1997-😀-1",
            "+1997-04-01",
            "1997-02-30",
            "0001-01-01",
            "1997-04-01T25:00",
            " 1997-04-01",
            "12345-01-01",
        ] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }
}
