//! Ids of new aggregates, which make creations idempotent.

use std::sync::Arc;

use domain::Subject;
use uuid::Uuid;

use crate::heads::exists;
use crate::{CommandError, Commands};

/// UUID namespace of ids that are derived from idempotency keys.
const NAMESPACE: Uuid = Uuid::from_u128(0x5d0c_52f3_7f4e_4b0e_9a34_c2a1_96d8_7b11);

/// Maximum length of a key, in bytes.
const MAX_LEN: usize = 255;

/// The sender whose idempotency keys are independent of those of all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyScope {
    name: Arc<str>,
    /// Scope of what this sender created before its scope was `name`.
    former: Option<Arc<str>>,
}

impl IdempotencyScope {
    /// Creates the scope of an actor, such as `user:usr_1`.
    pub fn actor(name: &Arc<str>) -> Self {
        Self {
            name: name.clone(),
            former: None,
        }
    }

    /// Creates the scope of a client of this name. All its API keys share it.
    pub fn client(name: &str) -> Self {
        Self {
            // No actor has this prefix.
            name: format!("client:{name}").into(),
            former: None,
        }
    }

    /// Adds a scope that repeated requests may have been sent in before.
    pub fn formerly(self, actor: &Arc<str>) -> Self {
        Self {
            former: Some(actor.clone()),
            ..self
        }
    }
}

/// Client-chosen name of a request that may be repeated: 1 to 255 visible ASCII
/// characters. Keys of different scopes are independent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    scope: IdempotencyScope,
    text: Box<str>,
}

/// Error for a text that is not an [`IdempotencyKey`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a key has 1 to {MAX_LEN} visible ASCII characters, without spaces")]
pub struct IdempotencyKeyError;

impl IdempotencyKey {
    /// Creates a key of this scope.
    ///
    /// # Errors
    /// [`IdempotencyKeyError`] for a text of another form.
    pub fn new(scope: IdempotencyScope, text: &[u8]) -> Result<Self, IdempotencyKeyError> {
        let visible = text.iter().all(u8::is_ascii_graphic);
        match std::str::from_utf8(text) {
            Ok(text) if visible && (1..=MAX_LEN).contains(&text.len()) => Ok(Self {
                scope,
                text: text.into(),
            }),
            _ => Err(IdempotencyKeyError),
        }
    }

    /// Returns a digest that is the same only for the same scope and key.
    pub(crate) fn digest(&self) -> u64 {
        self.uuid().as_u64_pair().0
    }

    /// Returns the same key in the scope's former name, if it had one.
    pub(crate) fn former(&self) -> Option<Self> {
        let former = self.scope.former.as_ref()?;
        Some(Self {
            scope: IdempotencyScope::actor(former),
            text: self.text.clone(),
        })
    }

    fn uuid(&self) -> Uuid {
        // A key contains no line break, so different pairs never form the same text.
        let text = format!("{}\n{}", self.scope.name, self.text);
        Uuid::new_v5(&NAMESPACE, text.as_bytes())
    }
}

/// Returns the id of a new aggregate: always the same for the same scope and
/// key, and without a key a fresh, time-ordered one.
///
/// A repeated creation finds the aggregate of the first one, which compares the
/// content.
pub fn new_id<I: From<u128>>(key: Option<&IdempotencyKey>) -> I {
    let id = key.map_or_else(Uuid::now_v7, IdempotencyKey::uuid);
    I::from(id.as_u128())
}

impl Commands {
    /// Returns the id of an aggregate to create, like [`new_id`]. If the key's scope had
    /// another name before and the aggregate was created then, returns its id.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn id_to_create<I: From<u128> + Clone>(
        &self,
        key: Option<&IdempotencyKey>,
        subject: fn(I) -> Subject,
    ) -> Result<I, CommandError> {
        if let Some(former) = key.and_then(IdempotencyKey::former) {
            let id: I = new_id(Some(&former));
            if exists(&self.log, &subject(id.clone())).await? {
                return Ok(id);
            }
        }
        Ok(new_id(key))
    }
}

#[cfg(test)]
mod tests {
    use domain::SegmentId;

    use super::*;

    fn actor(name: &str) -> IdempotencyScope {
        IdempotencyScope::actor(&name.into())
    }

    fn key(text: &str) -> Option<IdempotencyKey> {
        IdempotencyKey::new(actor("key:a"), text.as_bytes()).ok()
    }

    #[test]
    fn a_key_has_1_to_255_visible_characters() {
        assert!(key("a").is_some() && key("~!{\"x\"}").is_some());
        assert!(key(&"x".repeat(255)).is_some());
        for odd in ["", " ", "a b", "a\n", "é", "\u{7f}", &"x".repeat(256)] {
            assert_eq!(key(odd), None, "{odd:?}");
        }
        assert!(IdempotencyKey::new(actor("key:a"), b"\xff").is_err());
    }

    #[test]
    fn scope_and_key_determine_the_id() {
        let id = |scope, text: &str| {
            let key = IdempotencyKey::new(scope, text.as_bytes()).unwrap();
            new_id::<SegmentId>(Some(&key))
        };
        let first = id(actor("key:a"), "k-1");
        assert_eq!(
            first.as_str(),
            "seg_0cec6e1e917d5f8d8157c49b507741a6",
            "the derivation must never change"
        );
        assert_eq!(id(actor("key:a"), "k-1"), first);
        assert_ne!(id(actor("key:a"), "k-2"), first);
        assert_ne!(id(actor("key:b"), "k-1"), first);
        let shop = id(IdempotencyScope::client("shop"), "k-1");
        assert_eq!(
            shop.as_str(),
            "seg_3bb6176c20365650b0016d400d999252",
            "the derivation must never change"
        );
        assert_ne!(id(actor("shop"), "k-1"), shop);
        let moved = IdempotencyScope::client("shop").formerly(&"key:a".into());
        assert_eq!(id(moved.clone(), "k-1"), shop);
        let moved = IdempotencyKey::new(moved, b"k-1").unwrap();
        assert_eq!(new_id::<SegmentId>(moved.former().as_ref()), first);
    }

    #[test]
    fn without_a_key_every_id_is_new() {
        let id = || new_id::<SegmentId>(None);
        let (first, second) = (id(), id());
        assert!(first < second, "{first} {second}");
    }
}
