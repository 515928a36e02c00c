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

use crate::http::extract::{Path, Query};
use crate::http::openapi::NotFound;
use crate::http::paging::{Listed, PageParams};
use crate::http::problem::Problem;
use crate::http::schema;
use crate::resources::campaigns::{self, ShownEvent};
use crate::resources::customers;
use crate::resources::shared::after;
use crate::resources::shared::consistency::Consistency;
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get_timeline))
}

/// An event in a customer's timeline.
#[derive(Serialize, ToSchema)]
struct TimelineItem {
    /// Position of the event in the log.
    #[schema(value_type = schema::Position)]
    position: String,
    /// Event type and schema version.
    #[schema(example = "order_placed.1")]
    r#type: String,
    /// Key of the aggregate.
    #[schema(example = "order/c-1001/o-17")]
    aggregate: String,
    /// Time at which it happened: the order's or activity's own time.
    #[schema(value_type = schema::Time)]
    occurred_at: Timestamp,
    /// Time at which it was recorded.
    #[schema(value_type = schema::Time)]
    recorded_at: Timestamp,
    /// Actor who caused the event.
    #[schema(example = "key:bootstrap")]
    actor: String,
    /// Data of the event. For a queued message it also has the `text`, or a
    /// `text_problem` if the text cannot be rendered as recorded.
    #[schema(value_type = Object)]
    data: Option<Box<RawValue>>,
}

/// Lists all events recorded about a customer, newest first.
#[utoipa::path(
    get,
    path = "/api/customers/{id}/timeline",
    tag = "Customers",
    params(("id" = inline(schema::Id), Path, description = "The customer's id"), PageParams, Consistency),
    responses(
        (status = 200, description = "A page of the timeline", body = Listed<TimelineItem>),
        NotFound
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
