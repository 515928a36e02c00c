//! Calendar days.

use std::fmt;

use crate::Timestamp;

/// Calendar day in UTC: `2026-11-23`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Day(Box<str>);

/// Error for a text that is not a [`Day`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a day must have the form 2026-11-23")]
pub struct DayError;

impl Day {
    /// Returns the day in the form `2026-11-23`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Timestamp> for Day {
    fn from(time: Timestamp) -> Self {
        let date = chrono::DateTime::from(time).date_naive();
        Self(date.format("%Y-%m-%d").to_string().into_boxed_str())
    }
}

impl TryFrom<&str> for Day {
    type Error = DayError;

    fn try_from(text: &str) -> Result<Self, DayError> {
        let midnight = Timestamp::try_from(format!("{text}T00:00:00Z").as_str());
        let day = Self::from(midnight.map_err(|_| DayError)?);
        // Only the canonical form is accepted, so that no day has two keys in
        // the log.
        (day.as_str() == text).then_some(day).ok_or(DayError)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_in_utc_and_has_one_form() {
        let time = Timestamp::try_from("2026-11-23T23:30:00-02:00").unwrap();
        let day = Day::from(time);
        assert_eq!(day.as_str(), "2026-11-24");
        assert_eq!(Day::try_from("2026-11-24"), Ok(day));
        for odd in [
            "",
            "2026-11",
            "2026-02-30",
            "2026-1-02",
            "2026-11-24T",
            "+2026-11-24",
        ] {
            assert_eq!(Day::try_from(odd), Err(DayError), "{odd:?}");
        }
    }
}
