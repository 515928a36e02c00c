//! Segments: named rules.
//!
//! [`body`] has the request bodies, [`answer`] the response bodies. [`write`] and
//! [`read`] have the operations on segments, [`preview`], [`members`], and
//! [`of_customer`] those on the customers who match, [`history`] the one on their
//! number over time.

mod answer;
mod body;
mod history;
mod members;
mod of_customer;
mod preview;
mod read;
mod write;

pub(crate) use members::NodeVerdict;
pub(crate) use preview::Sample;

use domain::SegmentId;
use projections::segments::Segments;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::problem::{Problem, ProblemKind};
use crate::resources::shared::quarantined;
use crate::state::{AppContext, AppState};

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
        .routes(routes!(history::get_segment_history))
        .routes(routes!(of_customer::list_customer_segments))
}

/// Returns the problem of a segment that was never created, or is not in the
/// view yet.
fn unknown(id: &SegmentId) -> Problem {
    let detail = format!("there is no segment {id}");
    Problem::new(ProblemKind::NotFound, detail)
}

/// Returns the problem of a segment that the view does not have, which may be in
/// quarantine.
pub(crate) async fn missing(app: &AppContext, id: &SegmentId) -> Problem {
    quarantined::missing::<Segments>(app, id.as_str(), unknown(id)).await
}
