//! Segments: rules that were given a name.
//!
//! [`body`] is what a client sends, [`answer`] what it gets, [`write`] and
//! [`read`] are the operations on segments, [`preview`] and [`members`] those
//! on whom they mean.

mod answer;
mod body;
mod members;
mod preview;
mod read;
mod write;

pub(crate) use members::NodeVerdict;
pub(crate) use preview::Sample;

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
        .routes(routes!(preview::preview_rules))
        .routes(routes!(members::list_members))
        .routes(routes!(members::explain))
}

/// The problem of a segment that was never created, or is not in the view yet.
pub(crate) fn unknown(id: &SegmentId) -> Problem {
    let detail = format!("there is no segment {id}");
    Problem::new(ProblemKind::NotFound, detail)
}
