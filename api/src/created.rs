//! The headers of an answer to a creation.

use axum::http::{HeaderName, HeaderValue, header};
use commands::Outcome;

use crate::position;

/// Where the new thing is, by its path, and where the log has it.
pub(crate) fn headers(path: String, outcome: Outcome) -> [(HeaderName, HeaderValue); 2] {
    // The characters of an id always make a header.
    let location = HeaderValue::try_from(path).unwrap_or(HeaderValue::from_static(""));
    [
        (header::LOCATION, location),
        (position::HEADER, position::of(outcome)),
    ]
}
