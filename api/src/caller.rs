//! The context that a request's commands run in.

use axum::extract::FromRequestParts;
use axum::http::Extensions;
use axum::http::request::Parts;
use chrono::Utc;
use commands::Context;
use domain::Timestamp;

use crate::address::Client;
use crate::auth::{self, Actor};
use crate::problem::Problem;
use crate::request_id::RequestId;

/// Who asks whom nothing shown names.
const NOBODY: &str = "nobody";

/// Who asks, in which request, from where, and the time it is.
pub(crate) struct Caller(pub(crate) Context);

/// As [`Caller`], where nobody has to say who they are.
pub(crate) struct Nobody(pub(crate) Context);

/// The context of a request with these extensions.
pub(crate) fn context(extensions: &Extensions, actor: Option<&Actor>) -> Context {
    let request = extensions.get::<RequestId>();
    let client = extensions.get::<Client>();
    Context {
        actor: actor.map_or(NOBODY, |actor| &actor.name).to_owned(),
        request: request.map(|id| id.as_str().to_owned()),
        address: client.and_then(|client| client.0),
        now: now(),
    }
}

/// The current time.
pub(crate) fn now() -> Timestamp {
    Timestamp::from(Utc::now())
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // A handler that was left outside `access::guard` lets nobody in.
        let actor = parts.extensions.get::<Actor>();
        let actor = actor.ok_or_else(auth::unauthenticated)?;
        Ok(Self(context(&parts.extensions, Some(actor))))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Nobody {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(context(&parts.extensions, None)))
    }
}
