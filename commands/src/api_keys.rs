//! Commands on API keys.

use domain::{ApiKey, ApiKeyCommand, ApiKeyError, KeyContent, KeyId, KeySecret, NewKey, Subject};

use crate::execute::{Outcome, execute_one};
use crate::idempotency::{IdempotencyKey, new_id};
use crate::kept::current;
use crate::{CommandError, Commands, Context};

/// What became of a command on a key: an outcome, or a rule's refusal.
pub type ApiKeyResult = Result<Outcome, ApiKeyError>;

/// A new key's secret, never made before. The key's id is the same for the same
/// actor and idempotency key; without one it is random, so that keys are told
/// apart by its first digits, which are shown.
pub fn new_secret(actor: &str, key: Option<&IdempotencyKey>) -> KeySecret {
    let id = match key {
        Some(key) => new_id(actor, Some(key)),
        None => rand::random(),
    };
    KeySecret::new(id, &rand::random())
}

impl Commands {
    /// A key as it stands, by its head; `None` if it was never created.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn api_key(&self, key: &KeyId) -> Result<Option<ApiKey>, CommandError> {
        current(&self.log, &Subject::ApiKey(key.clone())).await
    }

    /// Creates the key that `secret` is of. Created already with the same
    /// content, it is unchanged, and `secret` is not the one that it has.
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
        self.on_api_key(context, secret.id().clone(), command).await
    }

    /// Lets a key let nobody in any more.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn revoke_api_key(
        &self,
        context: &Context,
        key: KeyId,
    ) -> Result<ApiKeyResult, CommandError> {
        self.on_api_key(context, key, ApiKeyCommand::Revoke).await
    }

    /// Says that a key has let somebody in, now. Worth its while only if
    /// [`ApiKey::records_use`] says so.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn use_api_key(
        &self,
        context: &Context,
        key: KeyId,
    ) -> Result<ApiKeyResult, CommandError> {
        let command = ApiKeyCommand::Use { at: context.now };
        self.on_api_key(context, key, command).await
    }

    async fn on_api_key(
        &self,
        context: &Context,
        key: KeyId,
        command: ApiKeyCommand,
    ) -> Result<ApiKeyResult, CommandError> {
        let subject = Subject::ApiKey(key);
        execute_one::<ApiKey>(self, &(), context, subject, command).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_creation_is_of_the_same_key_but_has_another_secret() {
        let key = IdempotencyKey::try_from(&b"k-1"[..]).unwrap();
        let secret = || new_secret("user:usr_1", Some(&key));
        let (first, second) = (secret(), secret());
        assert_eq!(first.id(), second.id());
        assert_ne!(first.reveal(), second.reveal());
        assert!(!first.hash().is(&second.hash()));
        assert_ne!(new_secret("user:usr_2", Some(&key)).id(), first.id());
    }

    #[test]
    fn keys_are_told_apart_by_what_is_shown_of_them() {
        let (first, second) = (new_secret("a", None), new_secret("a", None));
        assert_ne!(first.prefix(), second.prefix());
    }
}
