//! `GET /api/audit`, `GET /api/audit/{position}`

use axum::Json;
use axum::extract::State;
use domain::Timestamp;
use eventlog::Entry;
use projections::audit::{self, Audit, AuditFilter};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::after::{self, After, Satisfied};
use crate::consistency::Consistency;
use crate::extract::{Path, Query};
use crate::openapi::{OneProblems, ReadProblems};
use crate::paging::{Limit, Listed, page};
use crate::position::PositionText;
use crate::problem::{Problem, ProblemKind};
use crate::schema;
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_audit))
        .routes(routes!(get_audit_entry))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// The aggregate's key, such as `order/c-1001/o-17`.
    #[param(example = "order/c-1001/o-17")]
    aggregate: Option<String>,
    /// The event's type, with or without its version: `order_placed`.
    #[param(example = "order_placed")]
    r#type: Option<String>,
    /// On whose behalf: `key:bootstrap`.
    #[param(example = "key:bootstrap")]
    actor: Option<String>,
    /// About which customer.
    #[param(example = "c-1001")]
    customer_id: Option<String>,
    /// In which request.
    #[param(example = "01936f2e-7d1c-7a30-9a51-1f0b6a0f9c11")]
    request_id: Option<String>,
    /// Recorded at this time or later.
    #[param(inline, value_type = Option<schema::Time>)]
    since: Option<Timestamp>,
    /// Recorded before this time.
    #[param(inline, value_type = Option<schema::Time>)]
    until: Option<Timestamp>,
    /// How many at most.
    #[param(inline, value_type = Option<schema::Limit>)]
    limit: Option<Limit>,
    /// The `next_cursor` of the page before.
    #[param(inline, value_type = Option<schema::Cursor>)]
    cursor: Option<String>,
    /// Waits until the view has these positions.
    #[param(inline, value_type = Option<schema::Positions>)]
    after: Option<After>,
}

/// Who did what, and when.
#[derive(Serialize, ToSchema)]
struct AuditRow {
    /// Where the log holds it.
    #[schema(value_type = schema::Position)]
    position: String,
    /// When it was recorded.
    #[schema(value_type = schema::Time)]
    at: Timestamp,
    /// When what it tells of happened.
    #[schema(value_type = schema::Time)]
    occurred_at: Timestamp,
    /// Type and schema version.
    #[schema(example = "order_placed.1")]
    r#type: String,
    /// About what.
    #[schema(example = "order/c-1001/o-17")]
    aggregate: String,
    /// The aggregate's version after it.
    #[schema(example = 1)]
    version: u64,
    /// On whose behalf.
    #[schema(example = "key:bootstrap")]
    actor: String,
    /// In which request.
    #[schema(example = "01936f2e-7d1c-7a30-9a51-1f0b6a0f9c11")]
    request_id: Option<String>,
    /// From which address.
    #[schema(example = "192.0.2.7")]
    ip: Option<String>,
    /// About which customer.
    #[schema(example = "c-1001")]
    customer_id: Option<String>,
}

/// An entry as it stands in the log.
#[derive(Serialize, ToSchema)]
struct LogEntry {
    /// Where.
    #[schema(value_type = schema::Position)]
    position: PositionText,
    /// The aggregate's key.
    #[schema(example = "order/c-1001/o-17")]
    aggregate: String,
    /// The aggregate's version after it.
    #[schema(example = 1)]
    version: u64,
    /// The number of the aggregate's event before it; 0 for none.
    #[schema(example = 0)]
    previous: u64,
    /// Type and schema version.
    #[schema(example = "order_placed.1")]
    r#type: String,
    /// What the event says.
    #[schema(value_type = Object)]
    data: Box<RawValue>,
    /// Who, when, in which request.
    #[schema(value_type = Object)]
    metadata: Box<RawValue>,
    /// A digest of all of it.
    #[schema(example = "9f2b6c1d00aa34e7")]
    fingerprint: String,
}

/// The audit trail, newest first.
///
/// A page looks at so many rows and no more: where few of them are wanted, it
/// may have fewer than `limit`, even none, and still a `next_cursor`.
#[utoipa::path(
    get,
    path = "/api/audit",
    tag = "audit",
    params(ListParams, Consistency),
    responses(
        (status = 200, description = "A page of it", body = Listed<AuditRow>),
        ReadProblems
    )
)]
async fn list_audit(
    State(app): State<AppState>,
    Query(params): Query<ListParams>,
    consistency: Consistency,
) -> Result<Json<Listed<AuditRow>>, Problem> {
    after::wait_for(&app, Audit::NAME, consistency.with(params.after.as_ref())).await?;
    let filter = AuditFilter {
        aggregate: params.aggregate,
        tag: params.r#type,
        actor: params.actor,
        customer_id: params.customer_id,
        request_id: params.request_id,
        since: params.since,
        until: params.until,
    };
    let page = page(params.limit, params.cursor);
    let found = app.store.audit(app.commands.log(), &filter, &page).await?;
    Ok(Json(Listed::from_page(found, AuditRow::from)))
}

/// One entry of the log.
#[utoipa::path(
    get,
    path = "/api/audit/{position}",
    tag = "audit",
    params(("position" = inline(schema::Position), Path, description = "Where"), Satisfied),
    responses(
        (status = 200, description = "The entry", body = LogEntry),
        OneProblems
    )
)]
async fn get_audit_entry(
    State(app): State<AppState>,
    Path(PositionText(position)): Path<PositionText>,
    _satisfied: Query<Satisfied>,
) -> Result<Json<LogEntry>, Problem> {
    let found = app.commands.log().entries(&[position]).await?.pop();
    let absent = || {
        let detail = format!("the log has no entry at {position}");
        Problem::new(ProblemKind::NotFound, detail)
    };
    let entry = found.flatten().ok_or_else(absent)?;
    LogEntry::try_from(entry).map(Json)
}

impl From<audit::AuditRow> for AuditRow {
    fn from(row: audit::AuditRow) -> Self {
        let audit::AuditRow {
            entry,
            metadata,
            occurred_at,
            customer,
        } = row;
        Self {
            position: entry.position.to_string(),
            at: metadata.at,
            occurred_at,
            r#type: entry.tag,
            aggregate: entry.key,
            version: entry.version,
            actor: metadata.actor.clone(),
            request_id: metadata.request.clone(),
            ip: metadata.address.map(|address| address.to_string()),
            customer_id: customer.map(|customer| customer.to_string()),
        }
    }
}

impl TryFrom<Entry> for LogEntry {
    type Error = Problem;

    fn try_from(entry: Entry) -> Result<Self, Problem> {
        let fingerprint = entry.fingerprint();
        let position = entry.position;
        let json = |text| {
            RawValue::from_string(text).map_err(|error| {
                tracing::error!(%position, %error, "an entry of the log is not JSON");
                Problem::internal()
            })
        };
        Ok(Self {
            position: PositionText(position),
            aggregate: entry.key,
            version: entry.version,
            previous: entry.previous,
            r#type: entry.tag,
            data: json(entry.data)?,
            metadata: json(entry.meta.to_string())?,
            fingerprint,
        })
    }
}
