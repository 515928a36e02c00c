//! Rejection of a request.

use std::ops::Range;

/// Rejection of a request: the tokens at fault, and the reason.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rejection {
    pub(super) tokens: Range<usize>,
    pub(super) reason: &'static str,
}

/// Reason for an ambiguous request.
pub(super) const TWO_WAYS: &str = "this can be read in more than one way";

/// Reason for a known word that does not fit the words before it.
pub(super) const OUT_OF_PLACE: &str = "this is not understood in this position";

/// Creates the rejection of these tokens.
pub(super) fn refused(tokens: Range<usize>, reason: &'static str) -> Rejection {
    Rejection { tokens, reason }
}
