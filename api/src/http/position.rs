//! Log positions in paths, bodies and headers.

use axum::http::{HeaderName, HeaderValue, header};
use commands::Outcome;
use eventlog::{Position, Positions};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// `Patron-Position`: the log positions of accepted commands.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("patron-position");

/// Position in its text form, such as `3:1842`.
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

/// Formats positions as a header value.
pub(crate) fn header_value(positions: &Positions) -> HeaderValue {
    // The fallback is unreachable: digits, colons and commas are valid in a header.
    HeaderValue::try_from(positions.to_string()).unwrap_or(HeaderValue::from_static(""))
}

/// Formats the position of a command's outcome as a header value.
pub(crate) fn of(outcome: Outcome) -> HeaderValue {
    header_value(&Positions::from_iter([outcome.position]))
}

/// Returns `Location` with the path of the new resource, and `Patron-Position` with
/// the position of its event.
pub(crate) fn created_headers(path: String, outcome: Outcome) -> [(HeaderName, HeaderValue); 2] {
    // The fallback is unreachable: the characters of an id are valid in a header.
    let location = HeaderValue::try_from(path).unwrap_or(HeaderValue::from_static(""));
    [(header::LOCATION, location), (HEADER, of(outcome))]
}
