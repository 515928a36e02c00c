//! `GET /api/admin/quarantine`, `POST /api/admin/quarantine/{position}/{retry|skip}`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::{LogPosition, QuarantineCommand, QuarantineDecision, Text, Timestamp};
use projections::{VIEWS, Withheld};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::after::AfterParam;
use crate::http::body::{Input, JsonBody};
use crate::http::extract::{Path, Query};
use crate::http::openapi::NotFound;
use crate::http::position::{self, PositionText};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::identity::caller::Caller;
use crate::resources::shared::after;
use crate::resources::shared::consistency::Consistency;
use crate::state::{AppContext, AppState};

/// Maximum number of entries in a response.
const MAX_LISTED: usize = 1_000;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_quarantine))
        .routes(routes!(retry_event))
        .routes(routes!(skip_event))
}

/// Events that views could not fold.
#[derive(Serialize, ToSchema)]
#[schema(as = Quarantine)]
struct QuarantineList {
    /// Total number of entries.
    #[schema(example = 1)]
    total: u64,
    /// First 1,000 entries, in the order of the log.
    items: Vec<QuarantineEntry>,
}

/// An event that a view could not fold.
#[derive(Serialize, ToSchema)]
struct QuarantineEntry {
    /// Position of the event in the log.
    #[schema(value_type = schema::Position)]
    position: PositionText,
    /// View that could not fold the event.
    #[schema(example = "customers")]
    view: String,
    /// Id of the document in the view.
    #[schema(example = "c-1")]
    document: String,
    /// Effect on the document. `set_aside`: the document lacks this event and all
    /// later ones. `incomplete`: the document lacks only this event.
    #[schema(example = "set_aside")]
    effect: &'static str,
    /// Reason why the event cannot be folded.
    #[schema(example = "malformed order_placed.1: missing field `amount`")]
    reason: String,
    /// Time at which the event was quarantined.
    #[schema(value_type = schema::Time)]
    since: Timestamp,
}

/// Reason for retrying or skipping an event.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a reason")]
#[schema(as = QuarantineReason, example = json!({"reason": "the shop sent a broken order"}))]
struct ReasonBody {
    /// Reason in plain words, for the audit trail.
    #[schema(value_type = schema::Text512)]
    reason: Text<512>,
}

impl Input for ReasonBody {}

/// Acknowledgment of a decision about a quarantined event.
#[derive(Serialize, ToSchema)]
struct QuarantineDecided {
    /// Position of the event.
    #[schema(value_type = schema::Position)]
    event: PositionText,
    /// Views that the decision applies to: all that could not fold the event.
    #[schema(example = json!(["customers", "orders"]))]
    views: Vec<&'static str>,
    /// Position of the decision in the log.
    #[schema(value_type = schema::Position)]
    position: PositionText,
}

/// Lists the events in quarantine and the documents that they hold back.
#[utoipa::path(
    get,
    path = "/api/admin/quarantine",
    tag = "Operations",
    params(AfterParam, Consistency),
    responses((status = 200, description = "The quarantine", body = QuarantineList))
)]
async fn list_quarantine(
    State(app): State<AppState>,
    Query(params): Query<AfterParam>,
    consistency: Consistency,
) -> Result<Json<QuarantineList>, Problem> {
    for view in VIEWS {
        after::wait_for(&app, view.name(), consistency.with(params.after())).await?;
    }
    let counts = app.store.count_withheld().await?;
    let withheld = app.store.withheld(MAX_LISTED).await?;
    Ok(Json(QuarantineList {
        total: counts.iter().map(|(_, count)| count).sum(),
        items: withheld.into_iter().map(QuarantineEntry::from).collect(),
    }))
}

/// Retries an event in quarantine, for example after an update of Patron.
///
/// Views fold the event, and then the later events of the documents that it held
/// back. The event returns to quarantine if it still cannot be folded.
#[utoipa::path(
    post,
    path = "/api/admin/quarantine/{position}/retry",
    tag = "Operations",
    params(("position" = inline(schema::Position), Path, description = "The event's position")),
    request_body = ReasonBody,
    responses(
        (status = 202, description = "Retry recorded", body = QuarantineDecided,
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`"))),
        NotFound
    )
)]
async fn retry_event(
    State(app): State<AppState>,
    Path(event): Path<PositionText>,
    caller: Caller,
    JsonBody(body): JsonBody<ReasonBody>,
) -> Result<Response, Problem> {
    decide(&app, event, caller, body, QuarantineCommand::Retry).await
}

/// Skips an event in quarantine permanently.
///
/// Views fold the later events of the documents that it held back. Rebuilds skip the
/// event too.
#[utoipa::path(
    post,
    path = "/api/admin/quarantine/{position}/skip",
    tag = "Operations",
    params(("position" = inline(schema::Position), Path, description = "The event's position")),
    request_body = ReasonBody,
    responses(
        (status = 202, description = "Skip recorded", body = QuarantineDecided,
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`"))),
        NotFound
    )
)]
async fn skip_event(
    State(app): State<AppState>,
    Path(event): Path<PositionText>,
    caller: Caller,
    JsonBody(body): JsonBody<ReasonBody>,
) -> Result<Response, Problem> {
    decide(&app, event, caller, body, QuarantineCommand::Skip).await
}

async fn decide(
    app: &AppContext,
    PositionText(event): PositionText,
    Caller(context): Caller,
    ReasonBody { reason }: ReasonBody,
    command: fn(QuarantineDecision) -> QuarantineCommand,
) -> Result<Response, Problem> {
    let views = app.store.views_without(event).await?;
    if views.is_empty() {
        let detail = format!("no view has the event at {event} in quarantine");
        return Err(Problem::new(ProblemKind::NotFound, detail));
    }
    let decision = QuarantineDecision::new(&views, reason).map_err(|error| {
        tracing::error!(%error, "quarantine decision names an invalid view");
        Problem::internal()
    })?;
    let command = command(decision);
    let at = LogPosition::new(event.partition, event.number);
    let Ok(outcome) = app.commands.execute(&context, at, command).await?;
    let decided_at = outcome.position;
    let body = QuarantineDecided {
        event: PositionText(event),
        views,
        position: PositionText(decided_at),
    };
    let position = position::header_value(&[decided_at].into_iter().collect());
    let headers = [(position::HEADER, position)];
    Ok((StatusCode::ACCEPTED, headers, Json(body)).into_response())
}

impl From<Withheld> for QuarantineEntry {
    fn from(withheld: Withheld) -> Self {
        Self {
            position: PositionText(withheld.position()),
            effect: withheld.effect(),
            view: withheld.view,
            document: withheld.document,
            reason: withheld.reason,
            since: withheld.since.to_chrono().into(),
        }
    }
}
