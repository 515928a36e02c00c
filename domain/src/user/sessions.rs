//! The sessions that a user has open.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{SessionId, Timestamp};

/// How long a session lasts at most, from its sign-in on.
pub const MAX_SESSION: Duration = Duration::from_secs(12 * 60 * 60);

/// How many sessions a user has at most; one more ends the oldest.
pub const MAX_SESSIONS: usize = 20;

/// When each session began that was not ended. Some of them may be over.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sessions(BTreeMap<SessionId, Timestamp>);

impl Sessions {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this one was begun and not ended.
    pub fn contains(&self, session: &SessionId) -> bool {
        self.0.contains_key(session)
    }

    /// All of them, and when they began.
    pub fn iter(&self) -> impl Iterator<Item = (&SessionId, Timestamp)> {
        self.0.iter().map(|(session, began)| (session, *began))
    }

    /// Whether this one is open at this time.
    pub fn is_open(&self, session: &SessionId, now: Timestamp) -> bool {
        let began = self.0.get(session);
        began.is_some_and(|began| !is_over(*began, now))
    }

    /// Begins one. Those that are over by then, and the oldest of too many,
    /// are forgotten.
    pub fn begin(&mut self, session: SessionId, at: Timestamp) {
        self.0.retain(|_, began| !is_over(*began, at));
        self.0.insert(session, at);
        while self.0.len() > MAX_SESSIONS {
            let oldest = self.0.iter().min_by_key(|(id, began)| (**began, *id));
            let Some(oldest) = oldest.map(|(id, _)| id.clone()) else {
                return; // More than some are not none.
            };
            self.0.remove(&oldest);
        }
    }

    /// Ends one.
    pub fn end(&mut self, session: &SessionId) {
        self.0.remove(session);
    }

    /// Ends all of them.
    pub fn end_all(&mut self) {
        self.0.clear();
    }
}

impl FromIterator<(SessionId, Timestamp)> for Sessions {
    fn from_iter<I: IntoIterator<Item = (SessionId, Timestamp)>>(sessions: I) -> Self {
        Self(sessions.into_iter().collect())
    }
}

/// Whether a session that began then is over now.
fn is_over(began: Timestamp, now: Timestamp) -> bool {
    let age = u64::try_from(now.millis() - began.millis()).unwrap_or(0);
    Duration::from_millis(age) >= MAX_SESSION
}
