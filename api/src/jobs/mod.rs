//! Jobs: reads of the whole log that outlive their requests.
//!
//! [`run`] answers a long read, and makes a job of one that takes longer than a
//! client should wait. [`answer`] is a job as clients see it, [`follow`] streams
//! it. What each kind of job works on is with its resource.

mod answer;
mod follow;
mod run;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use answer::JobResponse;
pub(crate) use run::{Jobs, LongRequest, respond};

use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(answer::get_job))
        .routes(routes!(follow::follow_job))
}
