//! The extractor for callers of the assistant.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use commands::Context;

use crate::http::problem::Problem;
use crate::identity::Actor;
use crate::identity::caller::context;
use crate::identity::credentials::unauthenticated;
use crate::state::AppState;

/// Caller of the assistant who is within the rate limit.
pub(super) struct AssistCaller(pub(super) Context);

impl FromRequestParts<AppState> for AssistCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Problem> {
        let actor = parts.extensions.get::<Actor>();
        let actor = actor.ok_or_else(unauthenticated)?;
        app.assistant.check_rate(&actor.name)?;
        Ok(Self(context(&parts.extensions, Some(actor))))
    }
}
