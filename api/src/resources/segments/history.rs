//! Handler of `GET /api/segments/{id}/history`.

use axum::Json;
use axum::extract::State;
use domain::{SegmentId, Timestamp};
use projections::CountPoint;
use projections::segments::Segments;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::missing;
use crate::http::after::After;
use crate::http::extract::{Path, Query};
use crate::http::openapi::NotFound;
use crate::http::paging::Listed;
use crate::http::problem::Problem;
use crate::http::schema;
use crate::resources::shared::after;
use crate::resources::shared::consistency::Consistency;
use crate::state::AppState;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct HistoryParams {
    /// Only counts of this time or later.
    #[param(inline, value_type = Option<schema::Time>)]
    since: Option<Timestamp>,
    /// Only counts before this time.
    #[param(inline, value_type = Option<schema::Time>)]
    until: Option<Timestamp>,
    /// Waits until the view has reached these positions.
    #[param(inline, value_type = Option<schema::Positions>)]
    after: Option<After>,
}

/// The number of customers in a segment at an instant.
#[derive(Serialize, ToSchema)]
#[schema(as = SegmentCount)]
pub(super) struct CountResponse {
    /// Time of the count. Relative dates refer to it.
    #[schema(value_type = schema::Time)]
    at: Timestamp,
    /// Number of customers who matched the rules that the segment had then.
    #[schema(example = 5_258)]
    count: i64,
}

/// Returns a segment's number of customers over time, oldest first.
///
/// Workers count a segment again within seconds when customers change, and as time
/// passes. They keep a count if the number has changed, at most one per minute, and
/// at least one of every day, for 400 days. Of more than 1,000 counts, 1,000 at
/// regular intervals are returned. `next_cursor` is always `null`.
#[utoipa::path(
    get,
    path = "/api/segments/{id}/history",
    tag = "Segments",
    params(
        ("id" = inline(schema::SegmentId), Path, description = "The segment's id"),
        HistoryParams,
        Consistency
    ),
    responses(
        (status = 200, description = "The counts", body = Listed<CountResponse>),
        NotFound
    )
)]
pub(super) async fn get_segment_history(
    State(app): State<AppState>,
    Path(id): Path<SegmentId>,
    Query(params): Query<HistoryParams>,
    consistency: Consistency,
) -> Result<Json<Listed<CountResponse>>, Problem> {
    after::wait::<Segments>(&app, consistency.with(params.after.as_ref())).await?;
    if app.store.segment(&id).await?.is_none() {
        return Err(missing(&app, &id).await);
    }
    let (since, until) = (params.since, params.until);
    let points = app.store.audience_points(&id, since, until).await?;
    Ok(Json(Listed {
        items: points.into_iter().map(CountResponse::from).collect(),
        next_cursor: None,
    }))
}

impl From<CountPoint> for CountResponse {
    fn from(point: CountPoint) -> Self {
        Self {
            at: point.at.to_chrono().into(),
            count: point.count,
        }
    }
}
