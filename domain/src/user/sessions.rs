//! Open sessions of a user.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{SessionId, Timestamp};

/// Maximum duration of a session, from its sign-in.
pub const MAX_SESSION: Duration = Duration::from_secs(12 * 60 * 60);

/// Maximum number of sessions of a user; a further sign-in ends the oldest one.
pub const MAX_SESSIONS: usize = 20;

/// Start times of the sessions that were not ended. Some of them may have
/// expired.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sessions(BTreeMap<SessionId, Timestamp>);

impl Sessions {
    /// Returns whether there are no sessions.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether this session was begun and not ended.
    pub fn contains(&self, session: &SessionId) -> bool {
        self.0.contains_key(session)
    }

    /// Returns all sessions with their start times.
    pub fn iter(&self) -> impl Iterator<Item = (&SessionId, Timestamp)> {
        self.0.iter().map(|(session, began)| (session, *began))
    }

    /// Returns whether this session is open at this time.
    pub fn is_open(&self, session: &SessionId, now: Timestamp) -> bool {
        let began = self.0.get(session);
        began.is_some_and(|began| !is_over(*began, now))
    }

    /// Begins a session. Removes sessions that have expired by then, and the
    /// oldest ones beyond [`MAX_SESSIONS`].
    pub fn begin(&mut self, session: SessionId, at: Timestamp) {
        self.0.retain(|_, began| !is_over(*began, at));
        self.0.insert(session, at);
        while self.0.len() > MAX_SESSIONS {
            let oldest = self.0.iter().min_by_key(|(id, began)| (**began, *id));
            let Some(oldest) = oldest.map(|(id, _)| id.clone()) else {
                return; // The map is not empty here.
            };
            self.0.remove(&oldest);
        }
    }

    /// Ends a session.
    pub fn end(&mut self, session: &SessionId) {
        self.0.remove(session);
    }

    /// Ends all sessions.
    pub fn end_all(&mut self) {
        self.0.clear();
    }
}

impl FromIterator<(SessionId, Timestamp)> for Sessions {
    fn from_iter<I: IntoIterator<Item = (SessionId, Timestamp)>>(sessions: I) -> Self {
        Self(sessions.into_iter().collect())
    }
}

/// Returns whether a session that began at `began` has expired by `now`.
fn is_over(began: Timestamp, now: Timestamp) -> bool {
    let age = u64::try_from(now.millis() - began.millis()).unwrap_or(0);
    Duration::from_millis(age) >= MAX_SESSION
}
