//! Short digests of content, kept in heads to tell whether something changed.

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

/// A 64-bit digest of a value's JSON.
///
/// Heads keep digests where only "is it the same?" is ever asked: they stay
/// small, and personal data stays out of them. Two contents of one field
/// collide with probability 2⁻⁶⁴.
pub(crate) fn digest<T: Serialize>(value: &T) -> u64 {
    // Our own types serialise to JSON without error; a failure would only make
    // the digest differ, which reads as "changed".
    serde_json::to_vec(value).map_or(0, |json| xxh3_64(&json))
}
