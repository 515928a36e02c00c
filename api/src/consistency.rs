//! `Patron-Consistency`: reads that follow the writes of their own credential.
//!
//! [`Follower`] stands around every request of a credential that may read. It
//! records the positions that a write was acknowledged with, and says of a read
//! that it was answered without waiting for them. [`Consistency`] is what a
//! read's handler takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use domain::Role;
use eventlog::Positions;
use tokio::time::Instant;
use utoipa::IntoParams;

use crate::after::{After, Freshness};
use crate::auth::{self, Actor};
use crate::position;
use crate::problem::{Problem, ProblemKind};
use crate::schema;
use crate::state::Shared;

/// The header, of requests and of responses.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("patron-consistency");

/// The header's only value.
const EVENTUAL: &str = "eventual";

/// How long a read waits for the writes of its own credential.
const PATIENCE: Duration = Duration::from_secs(2);

/// The credential whose writes the reads of a request must see.
#[derive(Clone)]
pub(crate) struct Follower {
    actor: Arc<str>,
    /// Whether a read was answered without some of them.
    is_eventual: Arc<AtomicBool>,
}

impl Follower {
    /// Returns `None` for an actor that cannot read.
    pub(crate) fn of(actor: &Actor) -> Option<Self> {
        let may_read = actor.role >= Role::Viewer;
        may_read.then(|| Self {
            actor: actor.name.clone(),
            is_eventual: Arc::default(),
        })
    }

    /// Records what the request wrote, and completes the headers of a read.
    pub(crate) fn complete(&self, app: &Shared, response: &mut Response) {
        if let Some(written) = written(response.headers()) {
            let epoch = app.commands.log().epoch();
            app.own_writes.record(&self.actor, epoch, &written);
        }
        if self.is_eventual.load(Ordering::Relaxed) {
            let eventual = HeaderValue::from_static(EVENTUAL);
            response.headers_mut().insert(HEADER, eventual);
        }
    }
}

/// The positions that a write was acknowledged with.
fn written(headers: &HeaderMap) -> Option<Positions> {
    headers.get(position::HEADER)?.to_str().ok()?.parse().ok()
}

/// How far a read follows the writes of its own credential.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct Consistency {
    /// `eventual` answers without waiting. Otherwise a read waits up to 2 s for
    /// the last writes that the same credential (of a session: the same user)
    /// made through the same process. An answer that may lack some of them has
    /// this header too.
    #[param(
        inline,
        rename = "Patron-Consistency",
        value_type = schema::Eventual,
        required = false
    )]
    is_eventual: bool,
    #[param(ignore)]
    follower: Follower,
}

impl Consistency {
    /// The writes that a read with this `after` must see.
    pub(crate) fn with<'a>(&'a self, after: Option<&'a After>) -> Freshness<'a> {
        Freshness {
            after,
            consistency: self,
        }
    }

    /// Waits until a view has the writes of the request's credential, until 2 s
    /// after `since` at most. A read that does not have them by then is answered
    /// with the header.
    ///
    /// # Errors
    /// 503 if MongoDB does not answer.
    pub(crate) async fn follow(
        &self,
        app: &Shared,
        view: &'static str,
        since: Instant,
    ) -> Result<(), Problem> {
        let Follower { actor, is_eventual } = &self.follower;
        let has_all = !self.is_eventual && {
            let epoch = app.commands.log().epoch();
            let patience = PATIENCE.saturating_sub(since.elapsed());
            let following = app
                .own_writes
                .follow(&app.store, actor, &epoch, view, patience);
            following.await?
        };
        if !has_all {
            is_eventual.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Consistency {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Only requests that may read get beyond `access::guard` to a read.
        let follower = parts.extensions.get::<Follower>().cloned();
        Ok(Self {
            is_eventual: is_eventual(&parts.headers)?,
            follower: follower.ok_or_else(auth::unauthenticated)?,
        })
    }
}

/// Whether a request accepts an eventually consistent answer.
///
/// # Errors
/// 400 for a value that is not known.
fn is_eventual(headers: &HeaderMap) -> Result<bool, Problem> {
    let mut values = headers.get_all(HEADER).iter().peekable();
    let is_there = values.peek().is_some();
    if values.any(|value| value != EVENTUAL) {
        let detail = "header: Patron-Consistency: the only value is `eventual`";
        return Err(Problem::new(ProblemKind::InvalidParameter, detail));
    }
    Ok(is_there)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Credential;

    #[test]
    fn a_credential_that_cannot_read_is_not_followed() {
        let follower = |role| {
            Follower::of(&Actor {
                name: "key:1".into(),
                role,
                credential: Credential::Bootstrap,
            })
        };
        assert!(follower(Role::Ingest).is_none());
        for role in [Role::Viewer, Role::Marketer, Role::Admin] {
            assert!(follower(role).is_some(), "{role:?}");
        }
    }

    #[test]
    fn the_only_value_is_eventual() {
        let read = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(HEADER, value.parse().unwrap());
            }
            is_eventual(&headers).map_err(|problem| problem.kind())
        };
        assert_eq!(read(&[]), Ok(false));
        assert_eq!(read(&["eventual"]), Ok(true));
        assert_eq!(read(&["eventual", "eventual"]), Ok(true));
        for odd in [
            &[""][..],
            &["strong"],
            &["Eventual"],
            &["eventual", "session"],
        ] {
            assert_eq!(read(odd), Err(ProblemKind::InvalidParameter), "{odd:?}");
        }
    }
}
