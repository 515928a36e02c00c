//! Users: people who sign in.
//!
//! [`read`] shows them, [`write`] gives roles and ends sessions. That somebody
//! signs in is a matter of [`crate::auth`].

mod read;
mod write;

use domain::UserId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::{Problem, ProblemKind};
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(read::list_users))
        .routes(routes!(read::get_user))
        .routes(routes!(write::give_role))
        .routes(routes!(write::sign_out))
}

/// The problem of a user who never signed in, or is not in the view yet.
fn unknown(id: &UserId) -> Problem {
    let detail = format!("there is no user {id}");
    Problem::new(ProblemKind::NotFound, detail)
}
