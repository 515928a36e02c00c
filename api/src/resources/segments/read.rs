//! Handlers of `GET /api/segments` and `GET /api/segments/{id}`.

use axum::Json;
use axum::extract::State;
use domain::SegmentId;
use projections::segments::{SegmentDocument, Segments};
use serde::Deserialize;
use utoipa::IntoParams;

use super::answer::SegmentResponse;
use super::missing;
use crate::http::after::{After, AfterParam};
use crate::http::extract::{Path, Query};
use crate::http::openapi::NotFound;
use crate::http::paging::{Limit, Listed, page};
use crate::http::problem::Problem;
use crate::http::schema;
use crate::resources::shared::after;
use crate::resources::shared::consistency::Consistency;
use crate::resources::shared::quarantined;
use crate::state::AppState;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SegmentListParams {
    /// `true` to include archived segments.
    #[serde(default)]
    #[param(value_type = Option<bool>)]
    archived: bool,
    /// The maximum number of segments.
    #[param(inline, value_type = Option<schema::Limit>)]
    limit: Option<Limit>,
    /// The `next_cursor` of the previous page.
    #[param(inline, value_type = Option<schema::Cursor>)]
    cursor: Option<String>,
    /// Waits until the view has reached these positions.
    #[param(inline, value_type = Option<schema::Positions>)]
    after: Option<After>,
}

/// Lists segments, newest first.
#[utoipa::path(
    get,
    path = "/api/segments",
    tag = "Segments",
    params(SegmentListParams, Consistency),
    responses(
        (status = 200, description = "A page of segments", body = Listed<SegmentResponse>)
    )
)]
pub(super) async fn list_segments(
    State(app): State<AppState>,
    Query(params): Query<SegmentListParams>,
    consistency: Consistency,
) -> Result<Json<Listed<SegmentResponse>>, Problem> {
    after::wait::<Segments>(&app, consistency.with(params.after.as_ref())).await?;
    let page = page(params.limit, params.cursor);
    let found = app.store.segments(params.archived, &page).await?;
    let ids: Vec<&str> = found.items.iter().map(|s| s.segment_id.as_str()).collect();
    let mut audiences = app.store.audiences(&ids).await?;
    let respond = |document: SegmentDocument| {
        let audience = audiences.remove(document.segment_id.as_str());
        SegmentResponse::new(document, audience)
    };
    let mut segments = Listed::from_page(found, respond);
    quarantined::mark(&app, &mut segments.items).await?;
    Ok(Json(segments))
}

/// Returns a segment, archived or not.
#[utoipa::path(
    get,
    path = "/api/segments/{id}",
    tag = "Segments",
    params(("id" = inline(schema::SegmentId), Path, description = "The segment's id"), AfterParam, Consistency),
    responses(
        (status = 200, description = "The segment", body = SegmentResponse),
        NotFound
    )
)]
pub(super) async fn get_segment(
    State(app): State<AppState>,
    Path(id): Path<SegmentId>,
    Query(params): Query<AfterParam>,
    consistency: Consistency,
) -> Result<Json<SegmentResponse>, Problem> {
    after::wait::<Segments>(&app, consistency.with(params.after())).await?;
    let found = app.store.segment(&id).await?;
    let Some(document) = found else {
        return Err(missing(&app, &id).await);
    };
    let audience = app
        .store
        .audiences(&[id.as_str()])
        .await?
        .remove(id.as_str());
    let mut segment = SegmentResponse::new(document, audience);
    quarantined::mark(&app, [&mut segment]).await?;
    Ok(Json(segment))
}
