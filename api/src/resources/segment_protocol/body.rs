//! Bodies of the protocol: JSON, possibly compressed with gzip.

use axum::http::HeaderMap;

use crate::http::payload::{self, CompleteBody};
use crate::http::problem::{Problem, ProblemKind};

/// Media types that SDKs send JSON as. Browsers send `text/plain`, which needs no
/// preflight request.
const MEDIA_TYPES: [&[u8]; 2] = [b"application/json", b"text/plain"];

/// Returns whether the headers declare a body that the protocol may have.
pub(super) fn is_accepted(headers: &HeaderMap) -> bool {
    let media_type = payload::media_type(headers);
    MEDIA_TYPES
        .iter()
        .any(|known| known.eq_ignore_ascii_case(media_type))
}

/// Requires a body that the protocol may have.
///
/// # Errors
/// 415 for another media type.
pub(super) fn require(headers: &HeaderMap) -> Result<(), Problem> {
    match is_accepted(headers) {
        true => Ok(()),
        false => {
            let detail = "the body must be application/json or text/plain";
            Err(Problem::new(ProblemKind::UnsupportedMediaType, detail))
        }
    }
}

/// Returns the content of a body, decompressed if the headers declare gzip.
///
/// # Errors
/// 413 for more than `limit` bytes, 415 for another coding, and those of
/// [`payload::inflate`].
pub(super) fn decoded(
    headers: &HeaderMap,
    body: CompleteBody,
    limit: usize,
) -> Result<CompleteBody, Problem> {
    match payload::is_gzip(headers)? {
        true => payload::inflate(body, limit),
        false => Ok(body),
    }
}
