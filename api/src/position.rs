//! Positions of the log in paths, bodies and headers.

use axum::http::{HeaderName, HeaderValue};
use commands::Outcome;
use eventlog::{Position, Positions};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// `Patron-Position`: where an accepted command stands in the log.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("patron-position");

/// A position as text, `3:1842`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PositionText(pub(crate) Position);

impl Serialize for PositionText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PositionText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(de::Error::custom)
    }
}

/// Positions as the header's value.
pub(crate) fn header_value(positions: &Positions) -> HeaderValue {
    // Digits, colons and commas always make a header.
    HeaderValue::try_from(positions.to_string()).unwrap_or(HeaderValue::from_static(""))
}

/// A command's position as the header's value.
pub(crate) fn of(outcome: Outcome) -> HeaderValue {
    header_value(&Positions::from_iter([outcome.position]))
}
