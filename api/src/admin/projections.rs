//! `GET /api/admin/projections`, `POST /api/admin/projections/{name}/rebuild`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use domain::ViewName;
use projections::{BuildStatus, PartitionStatus, Topics, ViewStatus, require_whole, view_named};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::after::Satisfied;
use crate::caller::Caller;
use crate::extract::{Path, Query};
use crate::openapi::{ReadProblems, RebuildProblems};
use crate::position::{self, PositionText};
use crate::problem::{Problem, ProblemKind};
use crate::schema;
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_projections))
        .routes(routes!(rebuild_projection))
}

/// All views.
#[derive(Serialize, ToSchema)]
struct Projections {
    /// One by one.
    items: Vec<Projection>,
}

/// How far a view is.
#[derive(Serialize, ToSchema)]
struct Projection {
    /// Its name.
    #[schema(example = "customers")]
    name: &'static str,
    /// The generation that serves.
    #[schema(example = 1)]
    generation: i32,
    /// The version of the fold that made it.
    #[schema(example = 2)]
    fold: i32,
    /// Whether this program's fold is a later one: what the view answers may
    /// be wrong until it is rebuilt.
    outdated: bool,
    /// The one before, kept for one step back.
    #[schema(example = 1)]
    previous_generation: Option<i32>,
    /// How far the serving one is, partition by partition.
    #[schema(example = "0:12,1:7")]
    positions: String,
    /// Events in the log that it has not folded.
    #[schema(example = 0)]
    lag: u64,
    /// Events of unknown types that it passed over.
    #[schema(example = 0)]
    skipped: u64,
    /// Where it stands still, and why.
    stopped: Vec<Stopped>,
    /// The rebuild under way.
    building: Option<Building>,
    /// One by one.
    partitions: Vec<Partition>,
}

/// A partition that a view cannot get on with.
#[derive(Serialize, ToSchema)]
struct Stopped {
    /// Which.
    #[schema(example = 3)]
    partition: u16,
    /// Why.
    #[schema(example = "an event cannot be read")]
    reason: String,
}

/// A rebuild under way.
#[derive(Serialize, ToSchema)]
struct Building {
    /// The generation it makes.
    #[schema(example = 2)]
    generation: i32,
    /// Events folded so far.
    #[schema(example = 12_000)]
    done: u64,
    /// Events in the log.
    #[schema(example = 69_659)]
    of: u64,
}

/// How far a partition of a view is.
#[derive(Serialize, ToSchema)]
#[schema(as = ProjectionPartition)]
struct Partition {
    /// From 0.
    #[schema(example = 3)]
    partition: u16,
    /// The last event folded.
    #[schema(example = 1_842)]
    number: u64,
    /// The last event in the log.
    #[schema(example = 1_842)]
    end: u64,
    /// How many are between.
    #[schema(example = 0)]
    lag: u64,
}

/// A rebuild was asked for.
#[derive(Serialize, ToSchema)]
struct RebuildRequested {
    /// The view.
    #[schema(example = "customers")]
    name: &'static str,
    /// Where the log holds the request.
    #[schema(value_type = schema::Position)]
    position: PositionText,
}

/// How far each view is.
#[utoipa::path(
    get,
    path = "/api/admin/projections",
    tag = "operation",
    params(Satisfied),
    responses((status = 200, description = "All views", body = Projections), ReadProblems)
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
/// The workers do it; `GET /api/admin/projections` shows the progress. A log of
/// which events were trimmed cannot be read from its beginning.
#[utoipa::path(
    post,
    path = "/api/admin/projections/{name}/rebuild",
    tag = "operation",
    params(("name" = inline(schema::View), Path, description = "The view", example = "customers")),
    responses(
        (status = 202, description = "The request is in the log", body = RebuildRequested,
            headers(("Patron-Position" = String, description = "Positions for `after`"))),
        RebuildProblems
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
    let outcome = app.commands.request_rebuild(&context, view_name).await?;
    // Owners announce only events that they fold. If every view stands still,
    // no owner folds this one.
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
            partitions: view.partitions.iter().map(Partition::from).collect(),
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

impl From<&PartitionStatus> for Partition {
    fn from(partition: &PartitionStatus) -> Self {
        Self {
            partition: partition.position.partition,
            number: partition.position.number,
            end: partition.end,
            lag: partition.lag(),
        }
    }
}
