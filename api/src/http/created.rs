//! Headers of the response to a creation.

use axum::http::{HeaderName, HeaderValue, header};
use commands::Outcome;

use crate::http::position;

/// Returns `Location` with the path of the new resource, and `Patron-Position` with
/// the position of its event.
pub(crate) fn headers(path: String, outcome: Outcome) -> [(HeaderName, HeaderValue); 2] {
    // The fallback is unreachable: the characters of an id are valid in a header.
    let location = HeaderValue::try_from(path).unwrap_or(HeaderValue::from_static(""));
    [
        (header::LOCATION, location),
        (position::HEADER, position::of(outcome)),
    ]
}
