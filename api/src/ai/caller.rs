//! Who asks for help.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use commands::Context;

use crate::auth::{self, Actor};
use crate::caller::context;
use crate::problem::Problem;
use crate::state::AppState;

/// Who asks, and has not asked too often.
pub(super) struct Asker(pub(super) Context);

impl FromRequestParts<AppState> for Asker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Problem> {
        let actor = parts.extensions.get::<Actor>();
        let actor = actor.ok_or_else(auth::unauthenticated)?;
        app.assistant.admit(&actor.name)?;
        Ok(Self(context(&parts.extensions, Some(actor))))
    }
}
