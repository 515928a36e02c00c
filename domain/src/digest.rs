//! Digests of content.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};
use xxhash_rust::xxh3::xxh3_64;

/// Returns the 64-bit digest of a value's JSON.
///
/// Heads store digests where values are only compared for equality: this keeps
/// heads small and personal data out of them. Two different values of one field
/// collide with probability 2⁻⁶⁴.
pub(crate) fn digest<T: Serialize>(value: &T) -> u64 {
    // Values of this crate serialize to JSON without error. A failure would
    // only change the digest, which reads as "changed".
    serde_json::to_vec(value).map_or(0, |json| xxh3_64(&json))
}

/// 64-bit XXH3 digest of a text; 16 hexadecimal digits in JSON. It detects
/// changed text, but does not protect against deliberate collisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "String")]
pub struct TextDigest(u64);

impl TextDigest {
    /// Returns the digest of a text.
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
        // Only the canonical form is accepted, without a sign or capital
        // letters.
        let digest = digest.filter(|digest| digest.to_string() == text);
        digest.ok_or_else(|| de::Error::custom("a digest has 16 hexadecimal digits"))
    }
}
