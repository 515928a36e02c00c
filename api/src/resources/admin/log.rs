//! `GET /api/admin/log`

use axum::Json;
use axum::extract::State;
use eventlog::{Memory, UnsafeSetting};
use futures::future::try_join_all;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::after::Satisfied;
use crate::http::extract::Query;
use crate::http::problem::Problem;
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get_log))
}

/// Size of the log, and the state of its Redis servers.
#[derive(Serialize, ToSchema)]
#[schema(as = Log)]
struct LogResponse {
    /// Size of each partition.
    partitions: Vec<PartitionResponse>,
    /// Total number of events.
    #[schema(example = 69_659)]
    events: u64,
    /// Memory of all streams in bytes, as estimated by Redis.
    #[schema(example = 25_165_824)]
    bytes: u64,
    /// Memory of the server with the least left.
    memory: MemoryResponse,
    /// Settings that could lose events.
    unsafe_settings: Vec<SettingResponse>,
}

/// Size of one partition.
#[derive(Serialize, ToSchema)]
#[schema(as = LogPartition)]
struct PartitionResponse {
    /// Partition number, starting at 0.
    #[schema(example = 3)]
    partition: u16,
    /// Number of events.
    #[schema(example = 4_353)]
    events: u64,
    /// Memory in bytes, as estimated by Redis.
    #[schema(example = 1_572_864)]
    bytes: u64,
}

/// Memory of a Redis server.
#[derive(Serialize, ToSchema)]
#[schema(as = Memory)]
struct MemoryResponse {
    /// Memory in use, in bytes.
    #[schema(example = 52_428_800)]
    used: u64,
    /// Value of `maxmemory` in bytes; 0 for no limit.
    #[schema(example = 0)]
    max: u64,
}

/// A setting of Redis that could lose events.
#[derive(Serialize, ToSchema)]
#[schema(as = UnsafeSetting)]
struct SettingResponse {
    /// Name of the setting in Redis.
    #[schema(example = "appendfsync")]
    name: &'static str,
    /// Required value.
    #[schema(example = "always")]
    required: &'static str,
    /// Actual value, if Redis reports it.
    #[schema(example = "everysec")]
    actual: Option<String>,
}

/// Returns the size of the log and the memory of Redis.
#[utoipa::path(
    get,
    path = "/api/admin/log",
    tag = "Operations",
    params(Satisfied),
    responses((status = 200, description = "The log", body = LogResponse))
)]
async fn get_log(
    State(app): State<AppState>,
    _satisfied: Query<Satisfied>,
) -> Result<Json<LogResponse>, Problem> {
    let log = app.commands.log();
    let sizes = try_join_all(
        log.partitions()
            .map(|partition| log.stream_bytes(partition)),
    );
    let (ends, sizes, memory) = tokio::try_join!(log.ends(), sizes, log.memory())?;
    let partitions: Vec<_> = ends
        .into_iter()
        .zip(sizes)
        .map(|(end, bytes)| PartitionResponse {
            partition: end.partition,
            events: end.number,
            bytes,
        })
        .collect();
    let settings = log.unsafe_settings().iter();
    Ok(Json(LogResponse {
        events: partitions.iter().map(|partition| partition.events).sum(),
        bytes: partitions.iter().map(|partition| partition.bytes).sum(),
        partitions,
        memory: memory.into(),
        unsafe_settings: settings.map(SettingResponse::from).collect(),
    }))
}

impl From<Memory> for MemoryResponse {
    fn from(Memory { used, max }: Memory) -> Self {
        Self { used, max }
    }
}

impl From<&UnsafeSetting> for SettingResponse {
    fn from(setting: &UnsafeSetting) -> Self {
        Self {
            name: setting.name,
            required: setting.required,
            actual: setting.actual.clone(),
        }
    }
}
