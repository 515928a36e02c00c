//! `GET /api/admin/log`

use axum::Json;
use axum::extract::State;
use eventlog::{Memory, UnsafeSetting};
use futures::future::try_join_all;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::after::Satisfied;
use crate::extract::Query;
use crate::openapi::ReadProblems;
use crate::problem::Problem;
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get_log))
}

/// The log and the Redis it lives in.
#[derive(Serialize, ToSchema)]
#[schema(as = Log)]
struct LogResponse {
    /// One by one.
    partitions: Vec<PartitionResponse>,
    /// How many events in all.
    #[schema(example = 69_659)]
    events: u64,
    /// Bytes of memory that the streams take, as Redis estimates.
    #[schema(example = 25_165_824)]
    bytes: u64,
    /// Of the server that has the least left.
    memory: MemoryResponse,
    /// What could lose events on this server.
    unsafe_settings: Vec<SettingResponse>,
}

/// One stream.
#[derive(Serialize, ToSchema)]
#[schema(as = LogPartition)]
struct PartitionResponse {
    /// From 0.
    #[schema(example = 3)]
    partition: u16,
    /// How many events.
    #[schema(example = 4_353)]
    events: u64,
    /// Bytes of memory, as Redis estimates.
    #[schema(example = 1_572_864)]
    bytes: u64,
}

/// Memory of a Redis.
#[derive(Serialize, ToSchema)]
#[schema(as = Memory)]
struct MemoryResponse {
    /// Bytes.
    #[schema(example = 52_428_800)]
    used: u64,
    /// The most it may use, in bytes; 0 for no bound.
    #[schema(example = 0)]
    max: u64,
}

/// A setting of Redis that could lose events.
#[derive(Serialize, ToSchema)]
#[schema(as = UnsafeSetting)]
struct SettingResponse {
    /// Redis's name of it.
    #[schema(example = "appendfsync")]
    name: &'static str,
    /// What it should be.
    #[schema(example = "always")]
    required: &'static str,
    /// What it is, if Redis says.
    #[schema(example = "everysec")]
    actual: Option<String>,
}

/// How large the log is, and how much room there is.
#[utoipa::path(
    get,
    path = "/api/admin/log",
    tag = "operation",
    params(Satisfied),
    responses((status = 200, description = "The log", body = LogResponse), ReadProblems)
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
