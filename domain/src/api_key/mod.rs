//! API keys: credentials of programs.
//!
//! A key is shown once, when it is created; only a hash of it is stored.

mod content;
mod event;
mod hash;
mod secret;
#[cfg(test)]
mod tests;

use std::time::Duration;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use content::{KeyContent, NewKey};
pub use event::ApiKeyEvent;
pub use hash::{KeyHash, KeyHashError};
pub use secret::{KeySecret, KeySecretError};

use crate::{Role, Timestamp};

/// Minimum time between two recorded uses of a key. Recording every use would
/// make the log grow with every request.
pub const USE_EVERY: Duration = Duration::from_secs(10 * 60);

/// Commands on an API key. A command whose effect is already in place makes no
/// event.
#[derive(Debug, Clone)]
pub enum ApiKeyCommand {
    /// Creates the key.
    Create {
        /// Content, and the hash and prefix of the secret.
        key: Box<NewKey>,
        /// Time of the creation.
        at: Timestamp,
    },
    /// Revokes the key.
    Revoke,
    /// Records a use of the key.
    Use {
        /// Time of the use.
        at: Timestamp,
    },
}

/// Reason why a command on a key is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyError {
    /// The key was never created.
    #[error("there is no such key")]
    NotFound,
    /// The key exists, created with different content.
    #[error("the key was created with other content")]
    Conflict,
    /// The key would expire before it is created.
    #[error("a key cannot expire before it is created")]
    Expired,
}

/// Reason why a key does not authenticate a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// No key has this id and secret.
    #[error("no such key")]
    Unknown,
    /// The key was revoked.
    #[error("the key was revoked")]
    Revoked,
    /// The key has expired.
    #[error("the key has expired")]
    Expired,
}

/// API key aggregate; empty until the key is created.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ApiKey(Option<ApiKeyState>);

/// State of a created key. Read for every request with a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ApiKeyState {
    /// Digest of the content that the key was created with. The secret is not
    /// part of it, since a repeated creation has a different one.
    created: u64,
    #[serde(flatten)]
    key: NewKey,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    revoked: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Timestamp>,
}

impl ApiKey {
    /// Returns the content, hash and prefix that the key was created with;
    /// `None` if the key does not exist.
    pub fn key(&self) -> Option<&NewKey> {
        self.0.as_ref().map(|state| &state.key)
    }

    /// Returns the role that the holder of a secret with this hash has now.
    ///
    /// # Errors
    /// [`KeyRefusal`]. Only a caller with the right secret learns that a key
    /// was revoked or has expired.
    pub fn grants(&self, presented: &KeyHash, now: Timestamp) -> Result<Role, KeyRefusal> {
        let state = self.0.as_ref().ok_or(KeyRefusal::Unknown)?;
        if !state.key.hash.is(presented) {
            Err(KeyRefusal::Unknown)
        } else if state.revoked {
            Err(KeyRefusal::Revoked)
        } else if state.key.content.has_expired(now) {
            Err(KeyRefusal::Expired)
        } else {
            Ok(state.key.content.role)
        }
    }

    /// Returns whether a use at this time would be recorded.
    pub fn records_use(&self, at: Timestamp) -> bool {
        let Some(state) = &self.0 else { return false };
        let is_due = |last: Timestamp| {
            let since = u64::try_from(at.millis() - last.millis()).unwrap_or(0);
            Duration::from_millis(since) >= USE_EVERY
        };
        !state.revoked && state.last_used_at.is_none_or(is_due)
    }

    /// Returns the event that a command makes, if it makes one.
    ///
    /// # Errors
    /// [`ApiKeyError`] if a rule rejects the command.
    pub fn decide(&self, command: ApiKeyCommand) -> Result<Option<ApiKeyEvent>, ApiKeyError> {
        let state = self.0.as_ref().ok_or(ApiKeyError::NotFound);
        match command {
            ApiKeyCommand::Create { key, at } => self.create(key, at),
            ApiKeyCommand::Revoke => {
                let revoked = state?.revoked;
                Ok((!revoked).then_some(ApiKeyEvent::Revoked {}))
            }
            ApiKeyCommand::Use { at } => {
                state?;
                Ok(self.records_use(at).then_some(ApiKeyEvent::Used { at }))
            }
        }
    }

    /// Returns the event of a creation. A repeated creation is compared with
    /// the original content, regardless of the key's current state, since its
    /// sender may have missed the first response.
    fn create(&self, key: Box<NewKey>, at: Timestamp) -> Result<Option<ApiKeyEvent>, ApiKeyError> {
        match &self.0 {
            None if key.content.has_expired(at) => Err(ApiKeyError::Expired),
            None => Ok(Some(ApiKeyEvent::Created(key))),
            Some(state) if state.created == key.content.creation_digest() => Ok(None),
            Some(_) => Err(ApiKeyError::Conflict),
        }
    }
}

impl Aggregate for ApiKey {
    const TYPE: &'static str = "api_key";
    type Command = ApiKeyCommand;
    type Event = ApiKeyEvent;
    type Error = ApiKeyError;
    type Services = ();

    async fn handle(
        &mut self,
        command: ApiKeyCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), ApiKeyError> {
        if let Some(event) = self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: ApiKeyEvent) {
        match (&mut self.0, event) {
            (created, ApiKeyEvent::Created(key)) => {
                *created = Some(ApiKeyState {
                    created: key.content.creation_digest(),
                    key: *key,
                    revoked: false,
                    last_used_at: None,
                });
            }
            (Some(state), ApiKeyEvent::Revoked {}) => state.revoked = true,
            (Some(state), ApiKeyEvent::Used { at }) => state.last_used_at = Some(at),
            // The first event of a key is its creation, so this cannot happen.
            (None, _) => {}
        }
    }
}
