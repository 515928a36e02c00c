//! `Patron-Consistency`: read-your-writes per credential.
//!
//! The middleware [`follow`] adds a [`Follower`] to every request of a credential that
//! may read. It records the positions that a write was acknowledged with, and marks a
//! read that was answered without waiting for them. [`Consistency`] is the extractor for
//! the handlers of reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use domain::Role;
use eventlog::Positions;
use tokio::time::Instant;
use utoipa::IntoParams;

use crate::http::after::After;
use crate::http::position;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::identity::Actor;
use crate::identity::credentials::unauthenticated;
use crate::resources::shared::own_writes::FollowedView;
use crate::state::{AppContext, AppState};

/// The header, in requests and in responses.
const HEADER: HeaderName = HeaderName::from_static("patron-consistency");

/// The header's only value.
const EVENTUAL: &str = "eventual";

/// Maximum time that a read waits for the writes of its own credential.
const OWN_WRITES_TIMEOUT: Duration = Duration::from_secs(2);

/// Credential whose writes a read must include.
#[derive(Clone)]
pub(crate) struct Follower {
    actor: Arc<str>,
    /// True if the read was answered without some of these writes.
    is_eventual: Arc<AtomicBool>,
}

impl Follower {
    /// Returns `None` for an actor that cannot read.
    fn of(actor: &Actor) -> Option<Self> {
        let may_read = actor.role >= Role::Viewer;
        may_read.then(|| Self {
            actor: actor.name.clone(),
            is_eventual: Arc::default(),
        })
    }
}

/// Middleware inside [`crate::identity::access::guard`], which adds the actor. Records the
/// positions of a write, and sets the header of a read that may lack some writes.
pub(crate) async fn follow(
    State(app): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let actor = request.extensions().get::<Actor>();
    let Some(follower) = actor.and_then(Follower::of) else {
        return next.run(request).await;
    };
    request.extensions_mut().insert(follower.clone());
    let mut response = next.run(request).await;
    if let Some(written) = written(response.headers()) {
        let epoch = app.commands.log().epoch();
        app.own_writes.record(&follower.actor, epoch, &written);
    }
    if follower.is_eventual.load(Ordering::Relaxed) {
        let eventual = HeaderValue::from_static(EVENTUAL);
        response.headers_mut().insert(HEADER, eventual);
    }
    response
}

/// Returns the positions that a write was acknowledged with.
fn written(headers: &HeaderMap) -> Option<Positions> {
    headers.get(position::HEADER)?.to_str().ok()?.parse().ok()
}

/// Consistency that a read asks for.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct Consistency {
    /// `eventual` answers without waiting. By default a read waits up to 2 s for
    /// the last writes that the same credential (of a session: the same user)
    /// made through the same process. A response that may lack some of them has
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

/// Writes that a read must include.
#[derive(Clone, Copy)]
pub(crate) struct Freshness<'a> {
    /// Positions that the view must reach. Otherwise the read fails.
    pub(crate) after: Option<&'a After>,
    /// Writes of the same credential. If the view lacks some of them, the response has
    /// the header.
    pub(crate) consistency: &'a Consistency,
}

impl Consistency {
    /// Returns false if the read is to be answered without waiting.
    pub(crate) fn waits(&self) -> bool {
        !self.is_eventual
    }

    /// Returns the name of the request's actor.
    pub(super) fn actor(&self) -> &Arc<str> {
        &self.follower.actor
    }

    /// Returns the writes that a read with this `after` must include.
    pub(crate) fn with<'a>(&'a self, after: Option<&'a After>) -> Freshness<'a> {
        Freshness {
            after,
            consistency: self,
        }
    }

    /// Waits until a view has the writes of the request's credential, at most until
    /// 2 s after `since`. If the view lacks some by then, the response gets the
    /// header.
    ///
    /// # Errors
    /// 503 if MongoDB does not respond.
    pub(crate) async fn follow(
        &self,
        app: &AppContext,
        view: &'static str,
        since: Instant,
    ) -> Result<(), Problem> {
        let Follower { actor, is_eventual } = &self.follower;
        let has_all = !self.is_eventual && {
            let epoch = app.commands.log().epoch();
            let max_wait = OWN_WRITES_TIMEOUT.saturating_sub(since.elapsed());
            let follow = FollowedView {
                store: &app.store,
                view,
                places: &app.waiting_reads,
                max_wait,
            };
            app.own_writes.follow(actor, &epoch, follow).await?
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
        // `follow` adds a follower to every request of a role that may read.
        // `access::guard` rejects requests of other roles before they reach a read.
        let follower = parts.extensions.get::<Follower>().cloned();
        Ok(Self {
            is_eventual: is_eventual(&parts.headers)?,
            follower: follower.ok_or_else(unauthenticated)?,
        })
    }
}

/// Returns true if the request accepts an eventually consistent response.
///
/// # Errors
/// 400 for an unknown value.
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
    use commands::IdempotencyScope;

    use super::*;
    use crate::identity::credentials::Credential;

    #[test]
    fn a_credential_that_cannot_read_is_not_followed() {
        let follower = |role| {
            let name = "key:1".into();
            Follower::of(&Actor {
                scope: IdempotencyScope::actor(&name),
                name,
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
