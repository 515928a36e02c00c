//! `GET /api/customers/{id}/timeline`

use axum::Json;
use axum::extract::State;
use domain::{CustomerId, Timestamp};
use projections::Page;
use projections::audit::{Audit, AuditRow};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::after;
use crate::campaigns::{self, ShownEvent};
use crate::consistency::Consistency;
use crate::extract::{Path, Query};
use crate::openapi::OneProblems;
use crate::paging::{Listed, PageParams};
use crate::problem::Problem;
use crate::state::AppState;
use crate::{customers, schema};

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get_timeline))
}

/// Something that happened to a customer.
#[derive(Serialize, ToSchema)]
struct TimelineItem {
    /// Where the log holds it.
    #[schema(value_type = schema::Position)]
    position: String,
    /// Type and schema version.
    #[schema(example = "order_placed.1")]
    r#type: String,
    /// About what.
    #[schema(example = "order/c-1001/o-17")]
    aggregate: String,
    /// When it happened: an order's or an activity's own time.
    #[schema(value_type = schema::Time)]
    occurred_at: Timestamp,
    /// When it was recorded.
    #[schema(value_type = schema::Time)]
    recorded_at: Timestamp,
    /// On whose behalf.
    #[schema(example = "key:bootstrap")]
    actor: String,
    /// What the event says; where a message was queued, with its `text`, or
    /// `text_problem` if that cannot be rendered as recorded.
    #[schema(value_type = Object)]
    data: Option<Box<RawValue>>,
}

/// All that was recorded about a customer, the last recorded first.
#[utoipa::path(
    get,
    path = "/api/customers/{id}/timeline",
    tag = "reads",
    params(("id" = inline(schema::Id), Path, description = "The customer's id"), PageParams, Consistency),
    responses(
        (status = 200, description = "A page of it", body = Listed<TimelineItem>),
        OneProblems
    )
)]
async fn get_timeline(
    State(app): State<AppState>,
    Path(id): Path<CustomerId>,
    Query(params): Query<PageParams>,
    consistency: Consistency,
) -> Result<Json<Listed<TimelineItem>>, Problem> {
    after::wait_for(&app, Audit::NAME, consistency.with(params.after())).await?;
    let page = params.page();
    let found = app.store.timeline(app.commands.log(), &id, &page).await?;
    if found.items.is_empty() && page.cursor.is_none() {
        return Err(customers::unknown(&id));
    }
    let events = found.items.iter().map(|row| ShownEvent {
        tag: &row.entry.tag,
        key: &row.entry.key,
        data: &row.entry.data,
    });
    let data = campaigns::shown(&app, &events.collect::<Vec<_>>()).await?;
    let items = found.items.into_iter().zip(data);
    let page = Page {
        items: items.collect(),
        next_cursor: found.next_cursor,
    };
    Ok(Json(Listed::from_page(page, TimelineItem::from)))
}

impl From<(AuditRow, Option<Box<RawValue>>)> for TimelineItem {
    fn from((row, data): (AuditRow, Option<Box<RawValue>>)) -> Self {
        Self {
            position: row.entry.position.to_string(),
            r#type: row.entry.tag,
            aggregate: row.entry.key,
            occurred_at: row.occurred_at,
            recorded_at: row.metadata.at,
            actor: row.metadata.actor.clone(),
            data,
        }
    }
}
