//! Handler of `GET /api/jobs/{id}`, and the response to a request that became a
//! job.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use domain::{JobId, Timestamp};
use projections::{Job, JobKind, JobStatus};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::openapi::schema::AnyOfBuilder;
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::http::after::Satisfied;
use crate::http::extract::{Path, Query};
use crate::http::openapi::NotFound;
use crate::http::problem::{Problem, ProblemBody, ProblemKind};
use crate::http::schema;
use crate::identity::Actor;
use crate::identity::access::{self, ApiOperation};
use crate::identity::caller::Caller;
use crate::state::{AppContext, AppState};

/// Work that outlives its request.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Job)]
pub(crate) struct JobResponse {
    /// The job's id.
    #[schema(value_type = schema::JobId)]
    pub(crate) job_id: JobId,
    /// `reconciliation` of a campaign, `preview` of rules in the past, `verification` of
    /// heads and views, or `merge` of a customer into another one.
    #[schema(value_type = schema::JobKind)]
    kind: &'static str,
    /// `running`; `done`, with a `result`; or `failed`, with a `problem`.
    #[schema(value_type = schema::JobStatus)]
    pub(super) status: &'static str,
    /// Progress, as of about a second ago.
    pub(super) progress: ProgressResponse,
    /// Time at which the job started.
    #[schema(value_type = schema::Time)]
    started_at: Timestamp,
    /// Time at which the job ended. The job is deleted a day later.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Time>)]
    ended_at: Option<Timestamp>,
    /// The body that the operation would have returned with 200; of a verification, its
    /// report; of a merge, what was copied.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<JobResult>)]
    result: Option<Box<RawValue>>,
    /// Problem of a failed job: the one that the operation would have returned,
    /// or `interrupted` if the process that ran the job ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ProblemBody>)]
    problem: Option<Box<RawValue>>,
}

/// Progress of reading the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = JobProgress)]
pub(super) struct ProgressResponse {
    /// Number of events read.
    #[schema(example = 1_204_000)]
    read: u64,
    /// Number of events to read; 0 while that is unknown.
    #[schema(example = 5_310_422)]
    of: u64,
}

/// Schema of a job's result.
pub(crate) struct JobResult;

impl PartialSchema for JobResult {
    fn schema() -> RefOr<Schema> {
        let of_either = AnyOfBuilder::new()
            .item(Ref::from_schema_name("Reconciliation"))
            .item(Ref::from_schema_name("Preview"))
            .item(Ref::from_schema_name("Verification"))
            .item(Ref::from_schema_name("Merge"));
        RefOr::T(Schema::from(of_either.build()))
    }
}

impl ToSchema for JobResult {}

/// Response to a request that became a job: 202 with the job's path in
/// `Location`.
pub(crate) struct JobAccepted(pub(crate) JobResponse);

impl IntoResponse for JobAccepted {
    fn into_response(self) -> Response {
        // This cannot fail: an id has only characters that a header may have.
        let location = HeaderValue::try_from(format!("/api/jobs/{}", self.0.job_id));
        let location = location.unwrap_or(HeaderValue::from_static(""));
        let headers = [(header::LOCATION, location)];
        (StatusCode::ACCEPTED, headers, Json(self.0)).into_response()
    }
}

/// Returns the operation that starts jobs of this kind.
pub(super) fn operation(kind: JobKind) -> ApiOperation {
    match kind {
        JobKind::Reconciliation => ApiOperation("GET", "/api/campaigns/{id}/reconcile"),
        JobKind::Preview => ApiOperation("POST", "/api/segments/preview"),
        JobKind::Verification => ApiOperation("POST", "/api/admin/verify"),
        JobKind::Merge => ApiOperation("POST", "/api/customers/{id}/merge"),
    }
}

/// Returns a job.
///
/// The credential must permit the operation that started the job.
#[utoipa::path(
    get,
    path = "/api/jobs/{id}",
    tag = "Jobs",
    params(
        ("id" = inline(schema::JobId), Path, description = "The job's id"),
        Satisfied
    ),
    responses(
        (status = 200, description = "The job", body = JobResponse),
        NotFound
    )
)]
pub(super) async fn get_job(
    State(app): State<AppState>,
    Path(id): Path<JobId>,
    Caller(context): Caller,
    Extension(actor): Extension<Actor>,
    _satisfied: Query<Satisfied>,
) -> Result<Json<JobResponse>, Problem> {
    let job = find_for(&app, &id, &actor, &context, "/api/jobs/{id}").await?;
    Ok(Json(JobResponse::new(job)?))
}

/// Returns a job. If its process has ended, the job is ended first.
///
/// # Errors
/// 404 if there is no such job.
pub(super) async fn find(app: &AppContext, id: &JobId) -> Result<Job, Problem> {
    let unknown = || {
        let detail = format!("there is no job {id}");
        Problem::new(ProblemKind::NotFound, detail)
    };
    let job = app.store.job(id).await?.ok_or_else(unknown)?;
    // A lease that expired while MongoDB was unavailable may be one of this process,
    // which renews it as soon as it can.
    if !job.is_abandoned || app.jobs.is_supervised(id) {
        return Ok(job);
    }
    let problem = to_json(interrupted(), job.request.as_deref());
    app.store.end_abandoned_job(id, problem).await?;
    app.store.job(id).await?.ok_or_else(unknown)
}

/// Returns a job like [`find`], if the caller may see it.
///
/// # Errors
/// 404 if there is no such job, 403 if the caller may not see it.
pub(super) async fn find_for(
    app: &AppContext,
    id: &JobId,
    actor: &Actor,
    context: &commands::Context,
    path: &str,
) -> Result<Job, Problem> {
    let job = find(app, id).await?;
    access::check_also(&app.identity, actor, context, path, operation(job.kind))?;
    Ok(job)
}

/// Returns the problem of a job whose process has ended.
pub(super) fn interrupted() -> Problem {
    let detail = "the process that ran this job ended before the job did; send the request again";
    Problem::new(ProblemKind::Interrupted, detail)
}

/// Serializes a problem for the record of a job.
pub(super) fn to_json(problem: Problem, request: Option<&str>) -> String {
    // This cannot fail: the problem has only strings and numbers.
    serde_json::to_string(&problem.into_body(request)).unwrap_or_default()
}

impl JobResponse {
    /// Builds the response from a record.
    ///
    /// # Errors
    /// 500 if the record is corrupt.
    pub(super) fn new(job: Job) -> Result<Self, Problem> {
        Ok(Self {
            job_id: job.id,
            kind: job.kind.name(),
            status: job.status.name(),
            progress: ProgressResponse {
                read: job.progress.read,
                of: job.progress.of,
            },
            started_at: job.started_at,
            ended_at: job.ended_at,
            result: job.result.map(raw).transpose()?,
            problem: job.problem.map(raw).transpose()?,
        })
    }

    pub(super) fn has_ended(&self) -> bool {
        self.status != JobStatus::Running.name()
    }
}

fn raw(json: String) -> Result<Box<RawValue>, Problem> {
    RawValue::from_string(json).map_err(|error| {
        tracing::error!(%error, "the record of a job is not valid JSON");
        Problem::internal()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_job_has_an_operation_with_a_role() {
        for kind in JobKind::ALL {
            let ApiOperation(method, path) = operation(kind);
            let needs = access::Needs::of(method, path);
            assert!(needs.is_some(), "{method} {path}");
        }
    }
}
