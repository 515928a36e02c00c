//! Users: people who have signed in.
//!
//! [`read`] shows users, [`write`] assigns roles and ends sessions. Sign-in itself
//! is in [`crate::identity`].

mod read;
mod write;

use domain::UserId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::problem::{Problem, ProblemKind};
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(read::list_users))
        .routes(routes!(read::get_user))
        .routes(routes!(write::give_role))
        .routes(routes!(write::sign_out_user))
}

/// Returns the problem of a user who never signed in, or is not in the view yet.
fn unknown(id: &UserId) -> Problem {
    let detail = format!("there is no user {id}");
    Problem::new(ProblemKind::NotFound, detail)
}
