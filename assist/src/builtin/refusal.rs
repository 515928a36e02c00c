//! Why a request is refused.

use std::ops::Range;

/// Why a request is refused, and which tokens are to blame.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    pub(super) tokens: Range<usize>,
    pub(super) reason: &'static str,
}

/// What could mean one thing or another.
pub(super) const TWO_WAYS: &str = "this can be read in more than one way";
/// A word that fits nothing before it.
pub(super) const OUT_OF_PLACE: &str = "this is not understood where it stands";

/// Refuses these tokens.
pub(super) fn refused(tokens: Range<usize>, reason: &'static str) -> Refusal {
    Refusal { tokens, reason }
}
