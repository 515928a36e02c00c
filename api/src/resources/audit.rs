//! `GET /api/audit`, `GET /api/audit/{position}`

use axum::Json;
use axum::extract::State;
use domain::{CustomerId, Subject, Timestamp};
use eventlog::Entry;
use projections::audit::{Audit, AuditFilter, AuditRow};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::after::{After, Satisfied};
use crate::http::extract::{Path, Query};
use crate::http::openapi::NotFound;
use crate::http::paging::{Limit, Listed, page};
use crate::http::position::PositionText;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::resources::shared::after;
use crate::resources::shared::consistency::Consistency;
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_audit))
        .routes(routes!(get_audit_entry))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditListParams {
    /// Aggregate key, such as `order/c-1001/o-17`. A `/` within an id is written `%2F`.
    #[param(example = "order/c-1001/o-17")]
    aggregate: Option<String>,
    /// Event type, with or without its version: `order_placed`.
    #[param(example = "order_placed")]
    r#type: Option<String>,
    /// Actor, such as `key:bootstrap`.
    #[param(example = "key:bootstrap")]
    actor: Option<String>,
    /// Customer that the event is about.
    #[param(example = "c-1001")]
    customer_id: Option<String>,
    /// Id of the request that recorded the event.
    #[param(example = "01936f2e-7d1c-7a30-9a51-1f0b6a0f9c11")]
    request_id: Option<String>,
    /// Only events recorded at this time or later.
    #[param(inline, value_type = Option<schema::Time>)]
    since: Option<Timestamp>,
    /// Only events recorded before this time.
    #[param(inline, value_type = Option<schema::Time>)]
    until: Option<Timestamp>,
    /// Maximum number of items in the page.
    #[param(inline, value_type = Option<schema::Limit>)]
    limit: Option<Limit>,
    /// `next_cursor` of the previous page.
    #[param(inline, value_type = Option<schema::Cursor>)]
    cursor: Option<String>,
    /// Waits until the view has these positions.
    #[param(inline, value_type = Option<schema::Positions>)]
    after: Option<After>,
}

/// An event in the audit trail.
#[derive(Serialize, ToSchema)]
// Clients know the schema by this name. The type `AuditRow` is the row of the view, from which an
// entry is made.
#[schema(as = AuditRow)]
struct AuditEntry {
    /// Position of the event in the log.
    #[schema(value_type = schema::Position)]
    position: String,
    /// Time at which the event was recorded.
    #[schema(value_type = schema::Time)]
    at: Timestamp,
    /// Time at which the recorded fact happened.
    #[schema(value_type = schema::Time)]
    occurred_at: Timestamp,
    /// Event type and schema version.
    #[schema(example = "order_placed.1")]
    r#type: String,
    /// Key of the aggregate.
    #[schema(example = "order/c-1001/o-17")]
    aggregate: String,
    /// Version of the aggregate after the event.
    #[schema(example = 1)]
    version: u64,
    /// Actor who caused the event.
    #[schema(example = "key:bootstrap")]
    actor: String,
    /// Id of the request that recorded the event.
    #[schema(example = "01936f2e-7d1c-7a30-9a51-1f0b6a0f9c11")]
    request_id: Option<String>,
    /// IP address of the client.
    #[schema(example = "192.0.2.7")]
    ip: Option<String>,
    /// Customer that the event is about.
    #[schema(example = "c-1001")]
    customer_id: Option<String>,
}

/// An event as it is stored in the log.
#[derive(Serialize, ToSchema)]
struct LogEntry {
    /// Position of the event in the log.
    #[schema(value_type = schema::Position)]
    position: PositionText,
    /// Key of the aggregate.
    #[schema(example = "order/c-1001/o-17")]
    aggregate: String,
    /// Version of the aggregate after the event.
    #[schema(example = 1)]
    version: u64,
    /// Number of the aggregate's previous event; 0 for none.
    #[schema(example = 0)]
    previous: u64,
    /// Event type and schema version.
    #[schema(example = "order_placed.1")]
    r#type: String,
    /// Data of the event.
    #[schema(value_type = Object)]
    data: Box<RawValue>,
    /// Metadata: actor, time and request.
    #[schema(value_type = Object)]
    metadata: Box<RawValue>,
    /// Digest of the whole entry.
    #[schema(example = "9f2b6c1d00aa34e7")]
    fingerprint: String,
}

/// Lists the audit trail, newest first.
///
/// A page examines a bounded number of rows. If few of them match the filter, a
/// page may have fewer items than `limit`, or none, and still a `next_cursor`.
#[utoipa::path(
    get,
    path = "/api/audit",
    tag = "Audit",
    params(AuditListParams, Consistency),
    responses(
        (status = 200, description = "A page of the audit trail", body = Listed<AuditEntry>)
    )
)]
async fn list_audit(
    State(app): State<AppState>,
    Query(params): Query<AuditListParams>,
    consistency: Consistency,
) -> Result<Json<Listed<AuditEntry>>, Problem> {
    after::wait_for(&app, Audit::NAME, consistency.with(params.after.as_ref())).await?;
    let filter = AuditFilter {
        aggregate: params.aggregate.map(canonical_key),
        tag: params.r#type,
        actor: params.actor,
        customer_id: params.customer_id.map(canonical_id),
        request_id: params.request_id,
        since: params.since,
        until: params.until,
    };
    let page = page(params.limit, params.cursor);
    let found = app.store.audit(app.commands.log(), &filter, &page).await?;
    Ok(Json(Listed::from_page(found, AuditEntry::from)))
}

/// Returns the key in the log that a client's text names. A text that names none is
/// kept: the log may have keys of a newer program.
fn canonical_key(text: String) -> String {
    match Subject::named(&text) {
        Ok(subject) => subject.to_string(),
        Err(_) => text,
    }
}

/// Returns the form in which the log has an id.
fn canonical_id(text: String) -> String {
    match CustomerId::try_from(text.as_str()) {
        Ok(id) => id.into(),
        Err(_) => text,
    }
}

/// Returns one entry of the log.
#[utoipa::path(
    get,
    path = "/api/audit/{position}",
    tag = "Audit",
    params(("position" = inline(schema::Position), Path, description = "The event's position"), Satisfied),
    responses(
        (status = 200, description = "The entry", body = LogEntry),
        NotFound
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

impl From<AuditRow> for AuditEntry {
    fn from(row: AuditRow) -> Self {
        let AuditRow {
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
                tracing::error!(%position, %error, "log entry is not valid JSON");
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
