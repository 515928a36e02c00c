//! Jobs: reads of the whole log that outlive their requests.
//!
//! [`run`] responds to long reads, and turns a read into a job if it takes longer than a
//! client should wait; [`registry`] holds the jobs of this process. [`answer`] has the
//! response body of a job, [`follow`] streams a job. The read of each kind of job is
//! implemented with its resource.

mod answer;
mod follow;
pub(crate) mod registry;
mod run;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use answer::JobResponse;
pub(crate) use run::{LongRequest, respond};

use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(answer::get_job))
        .routes(routes!(follow::follow_job))
}
