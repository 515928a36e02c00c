//! Times that a shop sends.

use std::fmt;

use chrono::{Datelike, Duration, NaiveDate, NaiveDateTime, NaiveTime, TimeZone};
use chrono_tz::Tz;
use domain::Timestamp;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

/// Time that a shop sends: an instant, or a date alone, which is the beginning of
/// that day in the deployment's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GivenTime {
    /// A time with its offset from UTC.
    Instant(Timestamp),
    /// A date within the years 1900 to 9999.
    Date(NaiveDate),
}

impl GivenTime {
    /// Returns the instant.
    pub(crate) fn in_zone(self, zone: Tz) -> Timestamp {
        match self {
            Self::Instant(at) => at,
            Self::Date(date) => beginning(date, zone),
        }
    }

    /// Returns the instant, or the last one of a date.
    pub(crate) fn end_in_zone(self, zone: Tz) -> Timestamp {
        let Self::Date(date) = self else {
            return self.in_zone(zone);
        };
        let Some(next) = date.succ_opt() else {
            return self.in_zone(zone);
        };
        let begins = beginning(next, zone);
        // After the last day there is none, so its beginning is the last instant.
        let before = match next.year() {
            ..=9999 => Timestamp::from_millis(begins.millis() - 1),
            _ => Ok(begins),
        };
        before.unwrap_or(begins)
    }
}

/// Returns the first instant of a day.
fn beginning(date: NaiveDate, zone: Tz) -> Timestamp {
    let midnight = date.and_time(NaiveTime::MIN);
    let after = |seconds| midnight + Duration::seconds(seconds);
    let exists = |local: &NaiveDateTime| zone.from_local_datetime(local).earliest();
    let first = exists(&midnight).unwrap_or_else(|| {
        // Clocks skip midnight. No zone ever skipped more than a day.
        let (mut skipped, mut valid) = (0, 2 * 24 * 60 * 60);
        while valid - skipped > 1 {
            let between = (skipped + valid) / 2;
            match exists(&after(between)) {
                Some(_) => valid = between,
                None => skipped = between,
            }
        }
        exists(&after(valid)).unwrap_or_else(|| zone.from_utc_datetime(&midnight))
    });
    // The first day may begin in 1899 and the last one end in 10000 in UTC, which
    // the conversion limits to the years of a timestamp.
    Timestamp::from(first.to_utc())
}

impl<'de> Deserialize<'de> for GivenTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(GivenTimeVisitor)
    }
}

struct GivenTimeVisitor;

impl Visitor<'_> for GivenTimeVisitor {
    type Value = GivenTime;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an RFC 3339 time such as 2026-11-23T01:02:03Z or a date such as 2026-11-23")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<GivenTime, E> {
        match text.parse::<NaiveDate>() {
            // chrono also accepts other forms, such as `2026-1-2`.
            Ok(date) if date.to_string() == text => match date.year() {
                1900..=9999 => Ok(GivenTime::Date(date)),
                _ => Err(E::custom("a date lies within the years 1900 to 9999")),
            },
            _ => Timestamp::try_from(text)
                .map(GivenTime::Instant)
                .map_err(E::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<GivenTime, String> {
        let read = serde_json::from_value(serde_json::Value::from(text));
        read.map_err(|error| error.to_string())
    }

    fn beginning_of(date: &str, zone: &str) -> String {
        let zone = zone.parse().unwrap();
        read(date).unwrap().in_zone(zone).to_string()
    }

    #[test]
    fn a_date_is_the_beginning_of_that_day_in_the_zone() {
        for (date, zone, expected) in [
            ("2026-01-31", "UTC", "2026-01-31T00:00:00.000Z"),
            ("2026-01-31", "Europe/Berlin", "2026-01-30T23:00:00.000Z"),
            ("2026-07-01", "Europe/Berlin", "2026-06-30T22:00:00.000Z"),
            ("2026-01-31", "America/New_York", "2026-01-31T05:00:00.000Z"),
            ("2026-01-31", "Asia/Kolkata", "2026-01-30T18:30:00.000Z"),
            // The clocks went from 00:00 to 01:00, so the day began at 01:00.
            (
                "2018-11-04",
                "America/Sao_Paulo",
                "2018-11-04T03:00:00.000Z",
            ),
            ("2024-04-26", "Africa/Cairo", "2024-04-25T22:00:00.000Z"),
            // The clocks went back from 01:00 to 00:00: the first midnight.
            ("2026-11-01", "America/Havana", "2026-11-01T04:00:00.000Z"),
            // There was no such day; the next one began instead.
            ("2011-12-30", "Pacific/Apia", "2011-12-30T10:00:00.000Z"),
            ("1900-01-01", "Europe/Berlin", "1900-01-01T00:00:00.000Z"),
            ("9999-12-31", "America/New_York", "9999-12-31T05:00:00.000Z"),
        ] {
            assert_eq!(beginning_of(date, zone), expected, "{date} {zone}");
        }
    }

    #[test]
    fn a_date_ends_before_the_next_one_begins() {
        for (date, zone, expected) in [
            ("2026-01-31", "UTC", "2026-01-31T23:59:59.999Z"),
            (
                "2018-11-03",
                "America/Sao_Paulo",
                "2018-11-04T02:59:59.999Z",
            ),
            ("9999-12-31", "UTC", "9999-12-31T23:59:59.999Z"),
        ] {
            let end = read(date).unwrap().end_in_zone(zone.parse().unwrap());
            assert_eq!(end.to_string(), expected, "{date} {zone}");
        }
    }

    #[test]
    fn a_time_with_an_offset_is_that_instant_in_every_zone() {
        let time = read("2026-01-31T09:00:00+01:00").unwrap();
        for zone in [Tz::UTC, Tz::America__New_York] {
            assert_eq!(time.in_zone(zone).to_string(), "2026-01-31T08:00:00.000Z");
        }
    }

    #[test]
    fn other_texts_are_refused_with_the_reason() {
        for local in [
            "2026-01-31T09:00",
            "2026-01-31T09:00:00",
            "2026-01-31 09:00:00.5",
        ] {
            let reason = read(local).unwrap_err();
            assert!(reason.contains("no offset from UTC"), "{reason}");
        }
        for odd in ["2026-1-31", "2026-02-30", "31.01.2026", "", "20260131"] {
            let reason = read(odd).unwrap_err();
            assert!(reason.contains("is not an RFC 3339 time"), "{reason}");
        }
        let reason = read("1899-12-31").unwrap_err();
        assert!(reason.contains("1900 to 9999"), "{reason}");
    }
}
