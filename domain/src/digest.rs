//! Digests of content.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};
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

/// A 64-bit XXH3 digest of a text, 16 hexadecimal digits in JSON. It detects
/// that a text changed; it does not protect against somebody who wants two
/// texts to have the same digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "String")]
pub struct TextDigest(u64);

impl TextDigest {
    /// The digest of this text.
    pub fn of(text: &str) -> Self {
        Self(xxh3_64(text.as_bytes()))
    }
}

impl fmt::Display for TextDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl From<TextDigest> for String {
    fn from(digest: TextDigest) -> Self {
        digest.to_string()
    }
}

impl<'de> Deserialize<'de> for TextDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digest = u64::from_str_radix(&text, 16).ok().map(Self);
        // Only the form that is written, without a sign or capitals.
        let digest = digest.filter(|digest| digest.to_string() == text);
        digest.ok_or_else(|| de::Error::custom("a digest has 16 hexadecimal digits"))
    }
}
