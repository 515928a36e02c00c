//! `GET /api/admin/projections`, `POST /api/admin/projections/{name}/{rebuild|rollback}`

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use commands::Context;
use domain::{ViewCommand, ViewName};
use eventlog::Leases;
use projections::{
    AnyView, BuildStatus, PartitionStatus, RebuildError, Topics, ViewStatus, offer_previous,
    previous_generation, rebuild_lease, require_whole, view_named,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::http::after::Satisfied;
use crate::http::extract::{Path, Query};
use crate::http::openapi::{Conflict, NotFound, Trimmed};
use crate::http::position::{self, PositionText};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::schema;
use crate::identity::caller::Caller;
use crate::state::{AppContext, AppState};

/// Lifetime of the lease under which a rollback is requested, if this process dies.
const LEASE: Duration = Duration::from_secs(5);

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_projections))
        .routes(routes!(rebuild_projection))
        .routes(routes!(roll_back_projection))
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
    /// `true` if there is a previous generation, so that the view can be rolled back.
    #[schema(example = true)]
    can_roll_back: bool,
    /// Generation that the workers are about to serve: they fold what it lacks. After a
    /// rebuild, a rollback, or the first start of a program with a new view.
    #[schema(example = json!(null))]
    switching_to: Option<i32>,
    /// Positions up to which the serving generation has folded.
    #[schema(example = "0:12,1:7")]
    positions: String,
    /// Number of events in the log that the view has not folded.
    #[schema(example = 0)]
    lag: u64,
    /// Number of events with unknown types, which the view skipped.
    #[schema(example = 0)]
    skipped: u64,
    /// Number of events in quarantine, which the view could not fold.
    #[schema(example = 0)]
    quarantined: u64,
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

/// Acknowledgment of a requested rollback.
#[derive(Serialize, ToSchema)]
struct RollbackRequested {
    /// Name of the view.
    #[schema(example = "customers")]
    name: &'static str,
    /// Generation that will serve reads again.
    #[schema(example = 1)]
    generation: i32,
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
    let withheld = app.store.count_withheld().await?;
    let items = views.into_iter().map(|view| {
        let quarantined = withheld.iter().find(|(name, _)| name == view.name);
        let quarantined = quarantined.map_or(0, |(_, count)| *count);
        Projection::new(view, quarantined)
    });
    Ok(Json(Projections {
        items: items.collect(),
    }))
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
    let (view, view_name) = find(&name)?;
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
        name: view.name(),
        position: PositionText(outcome.position),
    };
    let headers = [(position::HEADER, position)];
    Ok((StatusCode::ACCEPTED, headers, Json(body)))
}

/// Rolls a view back to its previous generation.
///
/// Workers fold what the previous generation lacks, and then switch reads to it;
/// `GET /api/admin/projections` shows its number in `switching_to` until then. The present
/// generation becomes the previous one, so a second rollback returns to it.
#[utoipa::path(
    post,
    path = "/api/admin/projections/{name}/rollback",
    tag = "Operations",
    params(("name" = inline(schema::View), Path, description = "The view", example = "customers")),
    responses(
        (status = 202, description = "Rollback requested", body = RollbackRequested,
            headers(("Patron-Position" = inline(schema::Positions), description = "Positions for `after`"))),
        NotFound, Conflict
    )
)]
async fn roll_back_projection(
    State(app): State<AppState>,
    Path(name): Path<String>,
    Caller(context): Caller,
) -> Result<impl IntoResponse, Problem> {
    let (view, view_name) = find(&name)?;
    // The same lease as that of a rebuild: a rollback during a rebuild would drop the
    // generation that is being built.
    let leases = Leases::new(
        app.commands.log().clone(),
        Uuid::now_v7().to_string(),
        LEASE,
    );
    let lease = rebuild_lease(view);
    if !leases.hold(&lease).await? {
        let detail = format!("{name} is being rebuilt or rolled back");
        return Err(Problem::new(ProblemKind::Rebuilding, detail));
    }
    let requested = request_rollback(&app, &context, view, view_name).await;
    if let Err(error) = leases.release(&lease).await {
        tracing::warn!(lease, %error, "a lease could not be released; it expires by itself");
    }
    let body = requested?;
    let position = position::header_value(&[body.position.0].into_iter().collect());
    let headers = [(position::HEADER, position)];
    Ok((StatusCode::ACCEPTED, headers, Json(body)))
}

/// Records the request and offers the previous generation to the workers.
async fn request_rollback(
    app: &AppContext,
    context: &Context,
    view: &'static dyn AnyView,
    name: ViewName,
) -> Result<RollbackRequested, Problem> {
    // Checked first, so that no request is recorded that has no effect.
    previous_generation(&app.store, view).await?;
    let requested = ViewCommand::RequestRollback;
    let Ok(outcome) = app.commands.execute(context, name, requested).await?;
    let generation = offer_previous(&app.store, app.commands.log(), view).await?;
    Ok(RollbackRequested {
        name: view.name(),
        generation,
        position: PositionText(outcome.position),
    })
}

/// Returns the view of this name, with its name as the id of an aggregate.
///
/// # Errors
/// 404 if there is none.
fn find(name: &str) -> Result<(&'static dyn AnyView, ViewName), Problem> {
    let absent = || Problem::new(ProblemKind::NotFound, "there is no view of this name");
    let view = view_named(name).ok_or_else(absent)?;
    let name = ViewName::try_from(view.name()).map_err(|_| absent())?;
    Ok((view, name))
}

impl From<RebuildError> for Problem {
    fn from(error: RebuildError) -> Self {
        match error {
            RebuildError::Project(error) => error.into(),
            RebuildError::NoPrevious(_) => {
                Self::new(ProblemKind::NoPreviousGeneration, error.to_string())
            }
            RebuildError::Superseded(_) => Self::new(ProblemKind::Rebuilding, error.to_string()),
            RebuildError::Verification { .. } => {
                tracing::error!(%error, "request failed");
                Self::internal()
            }
        }
    }
}

impl Projection {
    fn new(view: ViewStatus, quarantined: u64) -> Self {
        let reached: eventlog::Positions = view.partitions.iter().map(|p| p.position).collect();
        Self {
            name: view.name,
            generation: view.generation,
            fold: view.fold,
            outdated: view.outdated,
            previous_generation: view.previous,
            can_roll_back: view.previous.is_some(),
            switching_to: view.joining,
            positions: reached.to_string(),
            lag: view.lag(),
            skipped: view.partitions.iter().map(|p| p.skipped).sum(),
            quarantined,
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
