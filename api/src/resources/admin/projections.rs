//! `GET /api/admin/projections`, `POST /api/admin/projections/{name}/rebuild`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use domain::{ViewCommand, ViewName};
use projections::{BuildStatus, PartitionStatus, Topics, ViewStatus, require_whole, view_named};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::after::Satisfied;
use crate::http::extract::{Path, Query};
use crate::http::openapi::{NotFound, Trimmed};
use crate::http::position::{self, PositionText};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::identity::caller::Caller;
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_projections))
        .routes(routes!(rebuild_projection))
}

/// Status of all views.
#[derive(Serialize, ToSchema)]
struct Projections {
    /// Status of each view.
    items: Vec<Projection>,
}

/// Status of a view.
#[derive(Serialize, ToSchema)]
struct Projection {
    /// Name of the view.
    #[schema(example = "customers")]
    name: &'static str,
    /// Generation that serves reads; 0 while the first one is being built.
    #[schema(example = 1)]
    generation: i32,
    /// Version of the fold that made this generation.
    #[schema(example = 2)]
    fold: i32,
    /// True if this program has a newer fold. The view may return wrong results
    /// until it is rebuilt.
    outdated: bool,
    /// Previous generation, kept for a rollback.
    #[schema(example = 1)]
    previous_generation: Option<i32>,
    /// Positions up to which the serving generation has folded.
    #[schema(example = "0:12,1:7")]
    positions: String,
    /// Number of events in the log that the view has not folded.
    #[schema(example = 0)]
    lag: u64,
    /// Number of events with unknown types, which the view skipped.
    #[schema(example = 0)]
    skipped: u64,
    /// Stalled partitions, with reasons.
    stopped: Vec<Stopped>,
    /// Rebuild in progress.
    building: Option<Building>,
    /// Progress of each partition.
    partitions: Vec<ProjectionPartition>,
}

/// A partition in which a view is stalled.
#[derive(Serialize, ToSchema)]
struct Stopped {
    /// Partition number, starting at 0.
    #[schema(example = 3)]
    partition: u16,
    /// Reason why the view is stalled.
    #[schema(example = "an event cannot be read")]
    reason: String,
}

/// A rebuild in progress.
#[derive(Serialize, ToSchema)]
struct Building {
    /// Generation under construction.
    #[schema(example = 2)]
    generation: i32,
    /// Number of events folded so far.
    #[schema(example = 12_000)]
    done: u64,
    /// Number of events in the log.
    #[schema(example = 69_659)]
    of: u64,
}

/// Progress of a view in one partition.
#[derive(Serialize, ToSchema)]
struct ProjectionPartition {
    /// Partition number, starting at 0.
    #[schema(example = 3)]
    partition: u16,
    /// Number of the last event folded.
    #[schema(example = 1_842)]
    number: u64,
    /// Number of the last event in the log.
    #[schema(example = 1_842)]
    end: u64,
    /// Number of events still to fold.
    #[schema(example = 0)]
    lag: u64,
}

/// Acknowledgment of a requested rebuild.
#[derive(Serialize, ToSchema)]
struct RebuildRequested {
    /// Name of the view.
    #[schema(example = "customers")]
    name: &'static str,
    /// Position of the request in the log.
    #[schema(value_type = schema::Position)]
    position: PositionText,
}

/// Lists all views with their progress.
#[utoipa::path(
    get,
    path = "/api/admin/projections",
    tag = "Operations",
    params(Satisfied),
    responses((status = 200, description = "All views", body = Projections))
)]
async fn list_projections(
    State(app): State<AppState>,
    _satisfied: Query<Satisfied>,
) -> Result<Json<Projections>, Problem> {
    let views = app.store.status(app.commands.log()).await?;
    let items = views.into_iter().map(Projection::from).collect();
    Ok(Json(Projections { items }))
}

/// Rebuilds a view from the log without downtime.
///
/// Workers perform the rebuild; `GET /api/admin/projections` shows its progress. A
/// view cannot be rebuilt if events were trimmed from the log.
#[utoipa::path(
    post,
    path = "/api/admin/projections/{name}/rebuild",
    tag = "Operations",
    params(("name" = inline(schema::View), Path, description = "The view", example = "customers")),
    responses(
        (status = 202, description = "Rebuild requested", body = RebuildRequested,
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`"))),
        NotFound, Trimmed
    )
)]
async fn rebuild_projection(
    State(app): State<AppState>,
    Path(name): Path<String>,
    Caller(context): Caller,
) -> Result<impl IntoResponse, Problem> {
    let absent = || Problem::new(ProblemKind::NotFound, "there is no view of this name");
    let view = view_named(&name).ok_or_else(absent)?.name();
    let view_name = ViewName::try_from(view).map_err(|_| absent())?;
    require_whole(app.commands.log()).await?;
    let Ok(outcome) = app
        .commands
        .execute(&context, view_name, ViewCommand::RequestRebuild)
        .await?;
    // The request is announced here, since owners announce only events that they
    // fold, and no owner folds this one if every view is stalled.
    let log = app.commands.log();
    app.store.folded().announce(log, Topics::VIEWS).await;
    let position = position::header_value(&[outcome.position].into_iter().collect());
    let body = RebuildRequested {
        name: view,
        position: PositionText(outcome.position),
    };
    let headers = [(position::HEADER, position)];
    Ok((StatusCode::ACCEPTED, headers, Json(body)))
}

impl From<ViewStatus> for Projection {
    fn from(view: ViewStatus) -> Self {
        let reached: eventlog::Positions = view.partitions.iter().map(|p| p.position).collect();
        Self {
            name: view.name,
            generation: view.generation,
            fold: view.fold,
            outdated: view.outdated,
            previous_generation: view.previous,
            positions: reached.to_string(),
            lag: view.lag(),
            skipped: view.partitions.iter().map(|p| p.skipped).sum(),
            stopped: view.partitions.iter().filter_map(stopped).collect(),
            building: view.building.map(Building::from),
            partitions: view
                .partitions
                .iter()
                .map(ProjectionPartition::from)
                .collect(),
        }
    }
}

fn stopped(partition: &PartitionStatus) -> Option<Stopped> {
    partition.stopped.as_ref().map(|reason| Stopped {
        partition: partition.position.partition,
        reason: reason.clone(),
    })
}

impl From<BuildStatus> for Building {
    fn from(build: BuildStatus) -> Self {
        Self {
            generation: build.generation,
            done: build.done,
            of: build.of,
        }
    }
}

impl From<&PartitionStatus> for ProjectionPartition {
    fn from(partition: &PartitionStatus) -> Self {
        Self {
            partition: partition.position.partition,
            number: partition.position.number,
            end: partition.end,
            lag: partition.lag(),
        }
    }
}
