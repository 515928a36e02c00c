//! Times as people write them in rules.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};

use crate::Timestamp;

/// A day's milliseconds.
pub(super) const DAY: i64 = 86_400_000;

/// An instant, or a whole day in UTC: `1997-04-01T12:00:00Z` or `1997-04-01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// One millisecond.
    Instant(Timestamp),
    /// All of a day. `<= 1997-04-01` still holds at its end.
    Day(NaiveDate),
}

impl Moment {
    /// Reads RFC 3339, a date alone, or a date and time without an offset, as
    /// browsers' inputs give it, which then is UTC. `None` for anything else
    /// and outside the years 1900 to 9999.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            let is_plain = text.len() == 10 && text.as_bytes()[0].is_ascii_digit();
            let day = Self::Day(date);
            return (is_plain && Timestamp::from_millis(day.first()).is_ok()).then_some(day);
        }
        if let Ok(at) = DateTime::parse_from_rfc3339(text) {
            return instant(at.timestamp_millis());
        }
        let formats = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%.f"];
        let parse = |format| NaiveDateTime::parse_from_str(text, format).ok();
        let local = formats.into_iter().find_map(parse)?;
        instant(local.and_utc().timestamp_millis())
    }

    /// Its first millisecond since 1970.
    pub fn first(self) -> i64 {
        match self {
            Self::Instant(at) => at.millis(),
            Self::Day(date) => date.and_time(NaiveTime::MIN).and_utc().timestamp_millis(),
        }
    }

    /// Its last millisecond since 1970.
    pub fn last(self) -> i64 {
        match self {
            Self::Instant(at) => at.millis(),
            Self::Day(_) => self.first() + DAY - 1,
        }
    }
}

fn instant(millis: i64) -> Option<Moment> {
    Timestamp::from_millis(millis).ok().map(Moment::Instant)
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
    fn times_are_read_as_people_and_browsers_write_them() {
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
    fn other_texts_are_no_times() {
        for text in [
            "",
            "gold",
            "1997",
            "1997-4-1",
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
