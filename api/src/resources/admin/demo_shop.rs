//! `GET /api/admin/demo`, `POST /api/admin/demo`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use demo::{BeginError, DemoLoad, DemoState, DemoStatus, Progress, status};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::after::Satisfied;
use crate::http::extract::Query;
use crate::http::openapi::Conflict;
use crate::http::position;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::identity::caller::Caller;
use crate::state::{AppContext, AppState};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get_demo, load_demo))
}

/// State of the demo shop in this deployment.
#[derive(Serialize, ToSchema)]
#[schema(as = Demo)]
struct DemoResponse {
    /// State of the demo shop.
    state: StateName,
    /// True if a load can be started, or continued after an interruption.
    #[schema(example = true)]
    can_load: bool,
    /// Reason why no load can be started, or why the last one ended early; `null` if
    /// there is none.
    #[schema(example = "the deployment holds 3 customers")]
    reason: Option<String>,
    /// Progress of a load that is running or was interrupted; `null` otherwise.
    progress: Option<LoadProgress>,
}

/// State of the demo shop: `absent`, `loading`, `loaded`, or `failed` if the load
/// ended early and can be continued.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DemoState, example = "loading")]
enum StateName {
    /// No load was started.
    Absent,
    /// A process loads the demo shop.
    Loading,
    /// Everything is loaded.
    Loaded,
    /// The load ended early.
    Failed,
}

/// Progress of a load.
#[derive(Serialize, ToSchema)]
#[schema(as = DemoProgress)]
struct LoadProgress {
    /// Number of customers, orders, activities, segments and campaigns that are
    /// recorded.
    #[schema(example = 12_500)]
    done: u64,
    /// Number of all of them.
    #[schema(example = 55_008)]
    total: u64,
}

/// Returns the state of the demo shop.
///
/// The demo shop is made data for an empty deployment: 5,000 customers with 20,000
/// orders and 30,000 activities over two years, six segments, and two campaigns that
/// have ended. Only an empty deployment can be loaded: one without customers, orders,
/// activity, segments and campaigns.
#[utoipa::path(
    get,
    path = "/api/admin/demo",
    tag = "Operations",
    params(Satisfied),
    responses((status = 200, description = "State of the demo shop", body = DemoResponse))
)]
async fn get_demo(
    State(app): State<AppState>,
    _satisfied: Query<Satisfied>,
) -> Result<Json<DemoResponse>, Problem> {
    Ok(Json(current(&app).await?))
}

/// Loads the demo shop into an empty deployment.
///
/// The load continues in the background; `GET /api/admin/demo` shows its progress. A
/// load that was interrupted continues with the next request. Nothing is sent to
/// anyone: the campaigns are recorded with made receipts, and all addresses end in
/// `.example`.
#[utoipa::path(
    post,
    path = "/api/admin/demo",
    tag = "Operations",
    responses(
        (status = 202, description = "Load started, or running already", body = DemoResponse,
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`"))),
        Conflict
    )
)]
async fn load_demo(
    State(app): State<AppState>,
    Caller(context): Caller,
) -> Result<Response, Problem> {
    app.shed.check()?;
    let position = match DemoLoad::begin(&app.commands, &context).await {
        Ok((load, position)) => {
            app.demo_loads.start(load, app.closing.clone());
            Some(position)
        }
        // Another request began the load; this one joins it.
        Err(BeginError::Busy) => None,
        Err(BeginError::Command(error)) => return Err(error.into()),
        Err(
            refusal @ (BeginError::NotEmpty(_) | BeginError::Loaded | BeginError::OtherVersion),
        ) => {
            return Err(Problem::new(ProblemKind::NotEmpty, refusal.to_string()));
        }
        Err(BeginError::Invalid(error)) => {
            tracing::error!(%error, "the load of the demo shop cannot begin");
            return Err(Problem::internal());
        }
    };
    let body = current(&app).await?;
    // A removal holds the same lease.
    if position.is_none() && matches!(body.state, StateName::Loaded) {
        return Err(Problem::new(
            ProblemKind::NotEmpty,
            BeginError::Loaded.to_string(),
        ));
    }
    let position = position.map(|position| [position].into_iter().collect());
    let headers = position.map(|position| [(position::HEADER, position::header_value(&position))]);
    Ok((StatusCode::ACCEPTED, headers, Json(body)).into_response())
}

async fn current(app: &AppContext) -> Result<DemoResponse, Problem> {
    let DemoStatus {
        state,
        can_load,
        reason,
        progress,
    } = status(&app.commands).await?;
    let reason = match state {
        // Only the process that ran the load knows more than the log.
        DemoState::Failed => app.demo_loads.failure().or(reason),
        _ => reason,
    };
    Ok(DemoResponse {
        state: state.into(),
        can_load,
        reason,
        progress: progress.map(LoadProgress::from),
    })
}

impl From<DemoState> for StateName {
    fn from(state: DemoState) -> Self {
        match state {
            DemoState::Absent => Self::Absent,
            DemoState::Loading => Self::Loading,
            DemoState::Loaded => Self::Loaded,
            DemoState::Failed => Self::Failed,
        }
    }
}

impl From<Progress> for LoadProgress {
    fn from(Progress { done, total }: Progress) -> Self {
        Self { done, total }
    }
}
