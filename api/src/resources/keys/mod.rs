//! API keys: credentials of programs.
//!
//! [`write`] creates and revokes keys, [`read`] shows them.

mod read;
mod write;

use domain::KeyId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::problem::{Problem, ProblemKind};
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(read::list_keys, write::create_key))
        .routes(routes!(read::get_key, write::revoke_key))
}

/// Returns the problem of a key that was never created, or is not in the view
/// yet.
fn unknown(id: &KeyId) -> Problem {
    let detail = format!("there is no key {id}");
    Problem::new(ProblemKind::NotFound, detail)
}
