//! `GET /api/customers/{id}/timeline`

use axum::Json;
use axum::extract::State;
use domain::{CustomerId, Timestamp};
use eventlog::{Entry, Position};
use projections::audit::{Audit, AuditDocument};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::after;
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
    /// What the event says.
    #[schema(value_type = Object)]
    data: Option<Box<RawValue>>,
}

/// All that happened to a customer, latest first.
#[utoipa::path(
    get,
    path = "/api/customers/{id}/timeline",
    tag = "reads",
    params(("id" = inline(schema::Id), Path, description = "The customer's id"), PageParams),
    responses(
        (status = 200, description = "A page of it", body = Listed<TimelineItem>),
        OneProblems
    )
)]
async fn get_timeline(
    State(app): State<AppState>,
    Path(id): Path<CustomerId>,
    Query(params): Query<PageParams>,
) -> Result<Json<Listed<TimelineItem>>, Problem> {
    after::wait::<Audit>(&app, params.after()).await?;
    let page = params.page();
    let found = app.store.timeline(id.as_str(), &page).await?;
    if found.items.is_empty() && page.cursor.is_none() {
        return Err(customers::unknown(&id));
    }
    let positions = positions(&found.items)?;
    let mut entries = app.commands.log().entries(&positions).await?.into_iter();
    let joined = |row| TimelineItem::new(row, entries.next().flatten());
    Ok(Json(Listed::from_page(found, joined)))
}

fn positions(rows: &[AuditDocument]) -> Result<Vec<Position>, Problem> {
    let parse = |row: &AuditDocument| row.position.parse();
    rows.iter()
        .map(parse)
        .collect::<Result<_, _>>()
        .map_err(|error| {
            tracing::error!(%error, "a row of the audit view has no position");
            Problem::internal()
        })
}

impl TimelineItem {
    fn new(row: AuditDocument, entry: Option<Entry>) -> Self {
        Self {
            position: row.position,
            r#type: row.tag,
            aggregate: row.aggregate,
            occurred_at: row.occurred_at.to_chrono().into(),
            recorded_at: row.at.to_chrono().into(),
            actor: row.actor,
            data: entry.and_then(|entry| RawValue::from_string(entry.data).ok()),
        }
    }
}
