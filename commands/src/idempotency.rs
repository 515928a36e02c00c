//! Ids of new aggregates, which make creations idempotent.

use uuid::Uuid;

/// UUID namespace of ids that are derived from idempotency keys.
const NAMESPACE: Uuid = Uuid::from_u128(0x5d0c_52f3_7f4e_4b0e_9a34_c2a1_96d8_7b11);

/// Maximum length of a key, in bytes.
const MAX_LEN: usize = 255;

/// Client-chosen name of a request that may be repeated: 1 to 255 visible ASCII
/// characters. Keys of different actors are independent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(Box<str>);

impl IdempotencyKey {
    /// Returns a digest that is the same only for the same actor and key.
    pub(crate) fn digest(&self, actor: &str) -> u64 {
        let id = Uuid::new_v5(&NAMESPACE, format!("{actor}\n{}", self.0).as_bytes());
        id.as_u64_pair().0
    }
}

/// Error for a text that is not an [`IdempotencyKey`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a key has 1 to {MAX_LEN} visible ASCII characters, without spaces")]
pub struct IdempotencyKeyError;

impl TryFrom<&[u8]> for IdempotencyKey {
    type Error = IdempotencyKeyError;

    fn try_from(bytes: &[u8]) -> Result<Self, IdempotencyKeyError> {
        let visible = bytes.iter().all(u8::is_ascii_graphic);
        match std::str::from_utf8(bytes) {
            Ok(text) if visible && (1..=MAX_LEN).contains(&text.len()) => Ok(Self(text.into())),
            _ => Err(IdempotencyKeyError),
        }
    }
}

/// Returns the id of a new aggregate: always the same for the same actor and
/// key, and without a key a fresh, time-ordered one.
///
/// A repeated creation finds the aggregate of the first one, which compares the
/// content.
pub fn new_id<I: From<u128>>(actor: &str, key: Option<&IdempotencyKey>) -> I {
    let id = match key {
        // A key contains no line break, so different pairs never form the same
        // text.
        Some(IdempotencyKey(key)) => Uuid::new_v5(&NAMESPACE, format!("{actor}\n{key}").as_bytes()),
        None => Uuid::now_v7(),
    };
    I::from(id.as_u128())
}

#[cfg(test)]
mod tests {
    use domain::SegmentId;

    use super::*;

    fn key(text: &str) -> Option<IdempotencyKey> {
        IdempotencyKey::try_from(text.as_bytes()).ok()
    }

    #[test]
    fn a_key_has_1_to_255_visible_characters() {
        assert!(key("a").is_some() && key("~!{\"x\"}").is_some());
        assert!(key(&"x".repeat(255)).is_some());
        for odd in ["", " ", "a b", "a\n", "é", "\u{7f}", &"x".repeat(256)] {
            assert_eq!(key(odd), None, "{odd:?}");
        }
        assert!(IdempotencyKey::try_from(&b"\xff"[..]).is_err());
    }

    #[test]
    fn actor_and_key_determine_the_id() {
        let id = |actor, text| new_id::<SegmentId>(actor, key(text).as_ref());
        let first = id("key:a", "k-1");
        assert_eq!(
            first.as_str(),
            "seg_0cec6e1e917d5f8d8157c49b507741a6",
            "the derivation must never change"
        );
        assert_eq!(id("key:a", "k-1"), first);
        assert_ne!(id("key:a", "k-2"), first);
        assert_ne!(id("key:b", "k-1"), first);
    }

    #[test]
    fn without_a_key_every_id_is_new() {
        let id = || new_id::<SegmentId>("key:a", None);
        let (first, second) = (id(), id());
        assert!(first < second, "{first} {second}");
    }
}
