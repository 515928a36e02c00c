//! API keys: what programs show to be let in.
//!
//! A key is shown once, when it is created; what is kept of it is a hash.

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

use crate::digest::digest;
use crate::{Role, Timestamp};

/// How long after a recorded use another one is recorded. A use is not an
/// event each time, else the log would grow with every request.
pub const USE_EVERY: Duration = Duration::from_secs(10 * 60);

/// What may be asked of a key. What is already so is no event.
#[derive(Debug, Clone)]
pub enum ApiKeyCommand {
    /// To be, at this time.
    Create {
        /// With this content, and what is kept of its secret.
        key: Box<NewKey>,
        /// When.
        at: Timestamp,
    },
    /// To let nobody in any more.
    Revoke,
    /// To have let somebody in at this time.
    Use {
        /// When.
        at: Timestamp,
    },
}

/// Why a command on a key is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyError {
    /// It was never created.
    #[error("there is no such key")]
    NotFound,
    /// It was created with other content than it is to be created with now.
    #[error("the key was created with other content")]
    Conflict,
    /// It would have expired before it is created.
    #[error("a key cannot expire before it is created")]
    Expired,
}

/// Why a key does not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// There is no key of this id and secret.
    #[error("no such key")]
    Unknown,
    /// It was revoked.
    #[error("the key was revoked")]
    Revoked,
    /// It has expired.
    #[error("the key has expired")]
    Expired,
}

/// A key as it stands: nothing until it was created.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ApiKey(Option<State>);

/// Read at every request with a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    /// A digest of the content it was created with. A repeated creation has
    /// another secret, which does not count.
    created: u64,
    #[serde(flatten)]
    key: NewKey,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    revoked: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Timestamp>,
}

impl ApiKey {
    /// What it was created with, if it ever was.
    pub fn key(&self) -> Option<&NewKey> {
        self.0.as_ref().map(|state| &state.key)
    }

    /// What whoever shows a secret of this hash may do now.
    ///
    /// # Errors
    /// [`KeyRefusal`]. Whether a key was revoked or has expired is said to
    /// those alone who have its secret.
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

    /// Whether a use at this time would be recorded.
    pub fn records_use(&self, at: Timestamp) -> bool {
        let Some(state) = &self.0 else { return false };
        let is_due = |last: Timestamp| {
            let since = u64::try_from(at.millis() - last.millis()).unwrap_or(0);
            Duration::from_millis(since) >= USE_EVERY
        };
        !state.revoked && state.last_used_at.is_none_or(is_due)
    }

    /// The event that this command makes, if it makes one.
    ///
    /// # Errors
    /// [`ApiKeyError`], if a rule is against it.
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

    /// Repeated, it is compared with what it was then, whatever became of the
    /// key since: whoever repeats it has not heard the answer.
    fn create(&self, key: Box<NewKey>, at: Timestamp) -> Result<Option<ApiKeyEvent>, ApiKeyError> {
        match &self.0 {
            None if key.content.has_expired(at) => Err(ApiKeyError::Expired),
            None => Ok(Some(ApiKeyEvent::Created(key))),
            Some(state) if state.created == digest(&key.content) => Ok(None),
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
                *created = Some(State {
                    created: digest(&key.content),
                    key: *key,
                    revoked: false,
                    last_used_at: None,
                });
            }
            (Some(state), ApiKeyEvent::Revoked {}) => state.revoked = true,
            (Some(state), ApiKeyEvent::Used { at }) => state.last_used_at = Some(at),
            // The first event of a key is its creation.
            (None, _) => {}
        }
    }
}
