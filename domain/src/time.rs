//! Instants in milliseconds, formatted as RFC 3339 in UTC.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveDateTime, ParseError, SecondsFormat, Utc};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Instant: whole milliseconds since 1970-01-01T00:00:00Z, within the years
/// 1900 to 9999. Its text form is `2026-11-23T01:02:03.456Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Reason why a text or a number is not a [`Timestamp`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// The text does not parse: the text and the parser's error.
    #[error("{0:?} is not an RFC 3339 time such as 2026-11-23T01:02:03Z: {1}")]
    Malformed(String, String),
    /// The text is a time of day on a date, without an offset.
    #[error(
        "{0:?} has no offset from UTC; write one, as in 2026-11-23T01:02:03+01:00, or Z for UTC"
    )]
    NoOffset(String),
    /// The text is a date alone.
    #[error(
        "{0:?} is a date without a time; write both with an offset from UTC, as in \
         2026-11-23T01:02:03Z"
    )]
    NoTime(String),
    /// The time is before 1900 or after 9999.
    #[error("a time lies within the years 1900 to 9999")]
    OutOfRange,
}

/// Returns whether the text is a date like `2026-01-31`. The parser alone would
/// also take `2026-1-31`, which is no date of data either.
fn is_date(text: &str) -> bool {
    text.len() == "2026-01-31".len() && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}

/// 1900-01-01T00:00:00.000Z
const MIN: i64 = -2_208_988_800_000;
/// 9999-12-31T23:59:59.999Z
const MAX: i64 = 253_402_300_799_999;

impl Timestamp {
    /// The Unix epoch: 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// Returns the timestamp at this many milliseconds since 1970.
    ///
    /// # Errors
    /// [`TimestampError::OutOfRange`] outside the years 1900 to 9999.
    pub fn from_millis(millis: i64) -> Result<Self, TimestampError> {
        if (MIN..=MAX).contains(&millis) {
            Ok(Self(millis))
        } else {
            Err(TimestampError::OutOfRange)
        }
    }

    /// Returns the milliseconds since 1970.
    pub fn millis(self) -> i64 {
        self.0
    }
}

impl TimestampError {
    fn of(text: &str, error: &ParseError) -> Self {
        let local = [
            "%Y-%m-%dT%H:%M:%S%.f",
            "%Y-%m-%dT%H:%M",
            "%Y-%m-%d %H:%M:%S%.f",
            "%Y-%m-%d %H:%M",
        ];
        let is_local = |form: &&str| NaiveDateTime::parse_from_str(text, form).is_ok();
        if local.iter().any(is_local) {
            Self::NoOffset(text.to_owned())
        } else if is_date(text) {
            Self::NoTime(text.to_owned())
        } else {
            Self::Malformed(text.to_owned(), error.to_string())
        }
    }
}

impl TryFrom<&str> for Timestamp {
    type Error = TimestampError;

    fn try_from(text: &str) -> Result<Self, TimestampError> {
        let parsed =
            DateTime::parse_from_rfc3339(text).map_err(|e| TimestampError::of(text, &e))?;
        Self::from_millis(parsed.timestamp_millis())
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_millis().clamp(MIN, MAX))
    }
}

impl From<Timestamp> for DateTime<Utc> {
    fn from(time: Timestamp) -> Self {
        // The range of a `Timestamp` is within that of chrono, so the default
        // is never used.
        DateTime::from_timestamp_millis(time.0).unwrap_or_default()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = DateTime::<Utc>::from(*self);
        f.write_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TimestampVisitor)
    }
}

struct TimestampVisitor;

impl Visitor<'_> for TimestampVisitor {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an RFC 3339 time such as 2026-11-23T01:02:03Z")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
        Timestamp::try_from(text).map_err(E::custom)
    }
}

/// Serialization of timestamps as bare milliseconds, which keeps heads small.
pub(crate) mod as_millis {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use super::Timestamp;

    pub(crate) fn serialize<S: Serializer>(time: &Timestamp, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_i64(time.millis())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Timestamp, D::Error> {
        Timestamp::from_millis(i64::deserialize(d)?).map_err(de::Error::custom)
    }
}

/// The same for timestamps that may be absent.
pub(crate) mod as_optional_millis {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    use super::Timestamp;

    pub(crate) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(Timestamp::millis).serialize(s)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let millis = Option::<i64>::deserialize(d)?;
        let time = millis.map(Timestamp::from_millis).transpose();
        time.map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_offset_is_parsed_and_utc_is_formatted() {
        let time = Timestamp::try_from("1997-01-01T02:00:00+02:00").unwrap();
        assert_eq!(time.to_string(), "1997-01-01T00:00:00.000Z");
        assert_eq!(Timestamp::try_from(time.to_string().as_str()), Ok(time));
    }

    #[test]
    fn a_time_without_an_offset_and_a_date_are_rejected_as_such() {
        for text in [
            "2026-01-01T09:00",
            "2026-01-01T09:00:00.5",
            "2026-01-01 09:00",
        ] {
            let expected = TimestampError::NoOffset(text.to_owned());
            assert_eq!(Timestamp::try_from(text), Err(expected));
        }
        let expected = TimestampError::NoTime("2026-01-01".to_owned());
        assert_eq!(Timestamp::try_from("2026-01-01"), Err(expected));
    }

    #[test]
    fn impossible_dates_are_rejected() {
        for text in ["2026-02-30T00:00:00Z", "yesterday", "", "2026-02-30"] {
            assert!(
                matches!(
                    Timestamp::try_from(text),
                    Err(TimestampError::Malformed(..))
                ),
                "{text}"
            );
        }
        assert_eq!(
            Timestamp::try_from("0001-01-01T00:00:00Z"),
            Err(TimestampError::OutOfRange)
        );
        assert_eq!(
            Timestamp::try_from("1900-01-01T00:00:00Z")
                .unwrap()
                .millis(),
            MIN
        );
        assert_eq!(
            Timestamp::try_from("9999-12-31T23:59:59.999Z")
                .unwrap()
                .millis(),
            MAX
        );
    }
}
