//! Context of a request's commands: actor, request id, address and time.

use axum::extract::FromRequestParts;
use axum::http::Extensions;
use axum::http::request::Parts;
use chrono::Utc;
use commands::Context;
use domain::Timestamp;
use tower_http::request_id::RequestId;

use super::credentials::{Actor, unauthenticated};
use crate::http::address::Client;
use crate::http::problem::Problem;
use crate::http::request_id;

/// Actor name of an anonymous request.
const ANONYMOUS: &str = "nobody";

/// Context of an authenticated request.
pub(crate) struct Caller(pub(crate) Context);

/// Context of a request to a public operation.
pub(crate) struct AnonymousCaller(pub(crate) Context);

/// Builds the context of a request from its extensions.
pub(crate) fn context(extensions: &Extensions, actor: Option<&Actor>) -> Context {
    let request = extensions.get::<RequestId>();
    let client = extensions.get::<Client>();
    Context {
        actor: actor.map_or(ANONYMOUS, |actor| &actor.name).to_owned(),
        request: request.map(|id| request_id::as_str(id).to_owned()),
        address: client.and_then(|client| client.0),
        now: now(),
    }
}

/// Returns the current time.
pub(crate) fn now() -> Timestamp {
    Timestamp::from(Utc::now())
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // `access::guard` adds the actor. Without it the request is rejected, so a
        // handler that is mounted outside the guard is not open to everyone.
        let actor = parts.extensions.get::<Actor>();
        let actor = actor.ok_or_else(unauthenticated)?;
        Ok(Self(context(&parts.extensions, Some(actor))))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for AnonymousCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(context(&parts.extensions, None)))
    }
}
