//! The context that a request's commands run in.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chrono::Utc;
use commands::Context;
use domain::Timestamp;

use crate::auth::{self, Actor};
use crate::problem::Problem;
use crate::request_id::RequestId;

/// Who asks, in which request, and the time it is.
pub(crate) struct Caller(pub(crate) Context);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // A handler that was left outside `auth::require` lets nobody in.
        let Actor(actor) = parts.extensions.get().ok_or_else(auth::unauthenticated)?;
        let request = parts.extensions.get::<RequestId>();
        Ok(Self(Context {
            actor: actor.to_string(),
            request: request.map(|id| id.as_str().to_owned()),
            address: None,
            now: Timestamp::from(Utc::now()),
        }))
    }
}
