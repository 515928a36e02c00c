//! `GET /api/admin/workers`

use axum::Json;
use axum::extract::State;
use domain::Timestamp;
use projections::{TaskReport, Worker};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::after::Satisfied;
use crate::http::extract::Query;
use crate::http::problem::Problem;
use crate::http::schema;
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_workers))
}

/// Live worker processes.
#[derive(Serialize, ToSchema)]
struct Workers {
    /// Worker processes, ordered by name.
    items: Vec<WorkerResponse>,
}

/// A live worker process and its share of the work.
#[derive(Serialize, ToSchema)]
#[schema(as = Worker)]
struct WorkerResponse {
    /// Name of the process.
    #[schema(example = "01937c2a-6f1e-7c3b-9d6e-0a4f5d6b7c8d")]
    name: String,
    /// Version of its program. Absent until its first report.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "0.1.0")]
    version: Option<String>,
    /// Time at which it started. Absent until its first report.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Time>)]
    started_at: Option<Timestamp>,
    /// Partitions of the log that it folds into views.
    #[schema(example = json!([0, 3, 7]))]
    folds: Vec<u16>,
    /// Partitions whose messages it sends; `null` if it has no vendor.
    #[schema(example = json!([0, 3, 7]))]
    sends: Option<Vec<u16>>,
    /// Periodic tasks that it runs for the whole deployment. One worker runs all of
    /// them.
    tasks: Vec<TaskResponse>,
}

/// A periodic task.
#[derive(Serialize, ToSchema)]
#[schema(as = WorkerTask)]
struct TaskResponse {
    /// Name of the task.
    #[schema(example = "end campaigns")]
    name: String,
    /// Time at which the last reported run ended; `null` before the first.
    #[schema(value_type = Option<schema::Time>)]
    ran_at: Option<Timestamp>,
    /// Duration of that run in milliseconds.
    #[schema(example = 12)]
    took_ms: i64,
    /// Error of that run; `null` if it succeeded.
    #[schema(example = json!(null))]
    error: Option<String>,
}

/// Lists the live worker processes.
///
/// Shows the partitions that each one owns, and its periodic tasks as of its last
/// report. A worker reports within 5 s when a task begins to fail or recovers, and at
/// least once a minute.
#[utoipa::path(
    get,
    path = "/api/admin/workers",
    tag = "Operations",
    params(Satisfied),
    responses((status = 200, description = "The live workers", body = Workers))
)]
async fn list_workers(
    State(app): State<AppState>,
    _satisfied: Query<Satisfied>,
) -> Result<Json<Workers>, Problem> {
    let workers = app.store.live_workers(app.commands.log()).await?;
    let items = workers.into_iter().map(WorkerResponse::from).collect();
    Ok(Json(Workers { items }))
}

impl From<Worker> for WorkerResponse {
    fn from(worker: Worker) -> Self {
        let report = worker.report;
        Self {
            name: worker.name,
            version: report.as_ref().map(|report| report.version.clone()),
            started_at: report
                .as_ref()
                .map(|report| report.started_at.to_chrono().into()),
            folds: worker.folds,
            sends: worker.sends,
            tasks: report
                .map(|report| report.tasks.into_iter().map(TaskResponse::from).collect())
                .unwrap_or_default(),
        }
    }
}

impl From<TaskReport> for TaskResponse {
    fn from(task: TaskReport) -> Self {
        Self {
            name: task.name,
            ran_at: task.ran_at.map(|at| at.to_chrono().into()),
            took_ms: task.took_ms,
            error: task.error,
        }
    }
}
