//! Segments: rules that were given a name.
//!
//! [`body`] is what a client sends, [`answer`] what it gets, [`write`] and
//! [`read`] are the operations.

mod answer;
mod body;
mod read;
mod write;

use domain::SegmentId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::{Problem, ProblemKind};
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(read::list_segments, write::create_segment))
        .routes(routes!(
            read::get_segment,
            write::update_segment,
            write::archive_segment
        ))
}

/// The problem of a segment that was never created, or is not in the view yet.
pub(crate) fn unknown(id: &SegmentId) -> Problem {
    let detail = format!("there is no segment {id}");
    Problem::new(ProblemKind::NotFound, detail)
}
