//! Commands on API keys.

use domain::{ApiKey, ApiKeyCommand, ApiKeyError, KeyContent, KeyId, KeySecret, NewKey, Subject};

use crate::heads::{current, exists};
use crate::idempotency::{IdempotencyKey, new_id};
use crate::run::Outcome;
use crate::{CommandError, Commands, Context};

/// Result of a command on an API key: an outcome, or a rejection by a rule.
pub type ApiKeyResult = Result<Outcome, ApiKeyError>;

/// Returns a fresh secret for a new key. The same idempotency key always gives
/// the same key id; without one the id is random rather than time-ordered, so
/// that keys differ in the first digits, which are shown.
pub fn new_secret(key: Option<&IdempotencyKey>) -> KeySecret {
    let id = match key {
        Some(key) => new_id(Some(key)),
        None => rand::random(),
    };
    KeySecret::new(id, &rand::random())
}

impl Commands {
    /// Returns the current state of a key from its head; `None` if it was never
    /// created.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn api_key(&self, key: &KeyId) -> Result<Option<ApiKey>, CommandError> {
        current(&self.log, &Subject::ApiKey(key.clone())).await
    }

    /// Returns the secret of a key to create, like [`new_secret`]. If the scope of the
    /// idempotency key had another name before and the API key was created then, the
    /// secret has its id.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn secret_to_create(
        &self,
        key: Option<&IdempotencyKey>,
    ) -> Result<KeySecret, CommandError> {
        if let Some(former) = key.and_then(IdempotencyKey::former) {
            let secret = new_secret(Some(&former));
            if exists(&self.log, &Subject::ApiKey(secret.id().clone())).await? {
                return Ok(secret);
            }
        }
        Ok(new_secret(key))
    }

    /// Creates the key that `secret` belongs to. If the key exists with the
    /// same content, it is unchanged and keeps its original secret, so `secret`
    /// is not valid for it.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn create_api_key(
        &self,
        context: &Context,
        secret: &KeySecret,
        content: KeyContent,
    ) -> Result<ApiKeyResult, CommandError> {
        let key = NewKey {
            content,
            hash: secret.hash(),
            prefix: secret.prefix(),
        };
        let command = ApiKeyCommand::Create {
            key: Box::new(key),
            at: context.now,
        };
        self.execute(context, secret.id().clone(), command).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IdempotencyScope;

    #[test]
    fn a_repeated_creation_has_the_same_key_but_another_secret() {
        let secret = |actor: &str| {
            let scope = IdempotencyScope::actor(&actor.into());
            let key = IdempotencyKey::new(scope, b"k-1").unwrap();
            new_secret(Some(&key))
        };
        let (first, second) = (secret("user:usr_1"), secret("user:usr_1"));
        assert_eq!(first.id(), second.id());
        assert_ne!(first.reveal(), second.reveal());
        assert!(!first.hash().is(&second.hash()));
        assert_ne!(secret("user:usr_2").id(), first.id());
    }

    #[test]
    fn keys_without_an_idempotency_key_have_different_prefixes() {
        let (first, second) = (new_secret(None), new_secret(None));
        assert_ne!(first.prefix(), second.prefix());
    }
}
