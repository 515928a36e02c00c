//! Responses to long reads, and the jobs that some of them become.
//!
//! # Shape
//!
//! [`respond`] runs the read as a separate task and waits for it. If the read
//! takes longer than [`Jobs::after`](super::registry::Jobs), a supervisor takes over the task: it
//! records the job, renews the lease in the record while the task runs, and
//! records the end. The client is referred to the job.
//!
//! # Correctness
//!
//! Until a supervisor owns the task, it is dropped with the request: a client
//! that disconnects stops the work. After that, only the end of the job, the end
//! of the process, or a lost lease stops the task.
//!
//! The record is authoritative. If it no longer says that the job is running,
//! the job is stopped and its result is dropped, since a client may have read
//! that the job was interrupted.
//!
//! Requests can share a job from before its record is written until before its
//! end is recorded. So a job whose end is readable is never the response to a
//! later request. A request shares only a job whose read began at or after the
//! positions in the request's own `after`.

use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use commands::Context;
use domain::JobId;
use eventlog::Positions;
use projections::{JobEnd, JobKind, LongRead, MAX_JOB_RESULT, ReadProgress};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::watch;
use tokio::task::JoinError;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout, timeout_at};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;
use uuid::Uuid;

use super::answer::{JobAccepted, JobResponse, find, interrupted, to_json};
use super::registry::{JobIdentity, RunningJob};
use crate::http::deadline::Deadline;
use crate::http::limits::LogRead;
use crate::http::problem::{Problem, ProblemKind};
use crate::state::{AppContext, AppState};

/// Duration of the lease on a running job. It is longer than MongoDB takes to
/// elect a primary, so that a failover ends no job.
const LEASE: Duration = Duration::from_secs(30);

/// Interval at which the lease is renewed and the progress is recorded.
const RENEW_INTERVAL: Duration = Duration::from_secs(1);

/// Time limit for one write of a record.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// Time limit for recording the end of a job, including retries. After that the
/// lease expires, and the job is `interrupted`.
const END_TIMEOUT: Duration = Duration::from_secs(60);

/// Delay before a failed write is retried.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Maximum time that a request waits until it may begin its read.
const MAX_PLACE_WAIT: Duration = Duration::from_secs(10);

/// Request that reads the whole log.
pub(crate) struct LongRequest {
    /// Kind of job that the request may become.
    pub(crate) kind: JobKind,
    /// Subject of the read. Requests of the same kind and subject have the same
    /// result.
    pub(crate) subject: String,
    /// Positions that the read must include.
    pub(crate) after: Positions,
    /// `true` if the client prefers a job immediately.
    pub(crate) respond_async: bool,
    /// Time by which the request must be answered.
    pub(crate) deadline: Deadline,
}

/// Outcome of a read: the body of a 200, or a problem.
type ReadOutcome = Result<Box<RawValue>, Problem>;

type ReadTask = AbortOnDropHandle<ReadOutcome>;

/// Registration of a job. Dropping it removes the job from the registry, even
/// after a panic.
struct Registration {
    app: AppState,
    identity: JobIdentity,
    id: JobId,
}

impl Registration {
    fn stop_sharing(&self) {
        let mut registry = self.app.jobs.registry();
        registry.stop_sharing(&self.identity, &self.id);
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.stop_sharing();
        self.app.jobs.registry().supervised.remove(&self.id);
    }
}

/// Responds to a request that reads the whole log: with the outcome of `work`, or
/// with 202 and a job if that takes long. If an equal request is a job already,
/// the response refers to that job.
///
/// The waits for a place and for the read are short enough that a job can be
/// recorded before the request's deadline.
///
/// # Errors
/// The errors of `work`; 503 if the caller or the process has too many concurrent
/// reads of the log, or if the server is stopping.
pub(crate) async fn respond<T, W>(
    app: &AppState,
    caller: &Context,
    request: LongRequest,
    work: impl FnOnce(LongRead) -> W,
) -> Result<Response, Problem>
where
    T: Serialize,
    W: Future<Output = Result<T, Problem>> + Send + 'static,
{
    let identity = (request.kind.name(), request.subject);
    let after = request.after;
    let job_by = request.deadline.less_writes();
    if let Some(same) = app.jobs.shared(&identity, &after) {
        return accepted(app, same).await;
    }
    let place_by = job_by.min(Instant::now() + MAX_PLACE_WAIT);
    let places = match request.kind {
        JobKind::Merge => &app.merges,
        JobKind::Reconciliation | JobKind::Preview | JobKind::Verification => &app.log_reads,
    };
    let place = places.place(&caller.actor, place_by);
    let place = tokio::select! {
        biased;
        place = place => place?,
        () = app.closing.cancelled() => return Err(stopping()),
    };
    // An equal request may have become a job during the wait.
    if let Some(same) = app.jobs.shared(&identity, &after) {
        return accepted(app, same).await;
    }
    // The ends are determined before the read begins, so that the read includes
    // all events up to them.
    let includes: Positions = app.commands.log().ends().await?.into_iter().collect();
    let work = work(place.reading.clone());
    let work = async move { work.await.and_then(|body| to_body(&body)) };
    let mut work = AbortOnDropHandle::new(tokio::spawn(work.in_current_span()));
    let at_once = request.respond_async || app.jobs.after.is_zero();
    let job_at = job_by.min(Instant::now() + app.jobs.after);
    if !at_once && let Ok(ended) = timeout_at(job_at, &mut work).await {
        return Ok(Json(outcome(ended)?).into_response());
    }
    if app.closing.is_cancelled() {
        // A new job would be interrupted immediately.
        return Err(stopping());
    }
    let (recorded_tx, recorded) = watch::channel(false);
    let job = RunningJob {
        id: JobId::from(Uuid::now_v7().as_u128()),
        includes,
        recorded,
    };
    let added = app
        .jobs
        .registry()
        .add(identity.clone(), job.clone(), &after);
    if let Some(same) = added {
        return accepted(app, same).await;
    }
    let registration = Registration {
        app: app.clone(),
        identity,
        id: job.id.clone(),
    };
    let supervisor = Supervisor {
        registration,
        kind: request.kind,
        request: caller.request.clone(),
    };
    let span = tracing::info_span!("job", job.id = %job.id, job.kind = request.kind.name());
    let supervision = supervisor.run(place, work, recorded_tx).instrument(span);
    app.jobs.supervisors.spawn(supervision);
    accepted(app, job).await
}

fn stopping() -> Problem {
    let detail = "the server is stopping; send the request again";
    Problem::new(ProblemKind::Interrupted, detail)
}

fn to_body(body: &impl Serialize) -> ReadOutcome {
    to_raw_value(body).map_err(|error| {
        tracing::error!(%error, "a response cannot be serialized");
        Problem::internal()
    })
}

fn outcome(ended: Result<ReadOutcome, JoinError>) -> ReadOutcome {
    ended.unwrap_or_else(|error| {
        tracing::error!(%error, "a read of the log panicked");
        Err(Problem::internal())
    })
}

/// Returns the response that refers to a job, once the job is recorded.
async fn accepted(app: &AppContext, mut job: RunningJob) -> Result<Response, Problem> {
    if job.recorded.wait_for(|recorded| *recorded).await.is_err() {
        return Err(Problem::unavailable());
    }
    let job = find(app, &job.id).await?;
    Ok(JobAccepted(JobResponse::new(job)?).into_response())
}

/// Supervisor of a job in the process that runs it.
struct Supervisor {
    registration: Registration,
    kind: JobKind,
    request: Option<String>,
}

impl Supervisor {
    /// Runs the job to its end. Sends `true` once the job is recorded.
    async fn run(self, place: LogRead, work: ReadTask, recorded_tx: watch::Sender<bool>) {
        let progress = place.reading.progress();
        let (store, request) = (&self.app().store, self.request.as_deref());
        let created = store.create_job(self.id(), self.kind, request, progress, LEASE);
        match timeout(WRITE_TIMEOUT, created).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                return tracing::warn!(%error, "a job could not be recorded and was dropped");
            }
            Err(_) => return tracing::warn!("a job was not recorded in time and was dropped"),
        }
        recorded_tx.send_replace(true);
        tracing::info!("the request continues as a job");
        let outcome = self.watch(&place.reading, work).await;
        let progress = place.reading.progress();
        // Before the end is recorded, the place is freed and sharing stops. A
        // client that has seen the end and sends the request again gets a new read,
        // which includes what was appended since.
        drop(place);
        self.registration.stop_sharing();
        match outcome {
            Some(outcome) => self.record(outcome, progress).await,
            None => tracing::warn!("another process ended the job, since its lease had expired"),
        }
    }

    /// Waits for the end of the work, and renews the lease meanwhile. Returns
    /// `None` if the record no longer says that the job is running.
    async fn watch(&self, reading: &LongRead, mut work: ReadTask) -> Option<ReadOutcome> {
        let mut ticks = interval(RENEW_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let renewing = async {
            loop {
                ticks.tick().await;
                let store = &self.app().store;
                let renewed = store.renew_job(self.id(), reading.progress(), LEASE);
                match timeout(WRITE_TIMEOUT, renewed).await {
                    Ok(Ok(true)) => {}
                    Ok(Ok(false)) => return,
                    Ok(Err(error)) => {
                        tracing::warn!(%error, "a job's lease cannot be renewed, trying again");
                    }
                    Err(_) => tracing::warn!("a job's lease was not renewed in time, trying again"),
                }
            }
        };
        tokio::select! {
            // Work that has finished takes precedence, so that a simultaneous
            // shutdown does not discard its result.
            biased;
            ended = &mut work => Some(outcome(ended)),
            () = self.app().closing.cancelled() => Some(Err(interrupted())),
            () = renewing => None,
        }
    }

    /// Records the end, unless another process has ended the job.
    async fn record(&self, outcome: ReadOutcome, progress: ReadProgress) {
        let end = end_of(outcome, self.request.as_deref());
        let store = &self.app().store;
        let recording = async {
            loop {
                match store.end_job(self.id(), &end, progress).await {
                    Ok(was_running) => return was_running,
                    Err(error) => {
                        tracing::warn!(%error, "a job's end cannot be recorded, trying again");
                    }
                }
                sleep(RETRY_DELAY).await;
            }
        };
        match timeout(END_TIMEOUT, recording).await {
            Ok(true) => {
                let done = matches!(end, JobEnd::Done(_));
                tracing::info!(done, read = progress.read, "the job has ended");
            }
            Ok(false) => tracing::warn!("another process ended the job"),
            Err(_) => tracing::error!("a job's end was not recorded"),
        }
    }

    fn app(&self) -> &AppContext {
        &self.registration.app
    }

    fn id(&self) -> &JobId {
        &self.registration.id
    }
}

/// Returns the end of a job in the form of its record.
fn end_of(outcome: ReadOutcome, request: Option<&str>) -> JobEnd {
    let problem = match outcome {
        Ok(body) if body.get().len() <= MAX_JOB_RESULT => {
            return JobEnd::Done(Box::<str>::from(body).into());
        }
        Ok(body) => {
            let bytes = body.get().len();
            let detail = format!("the result has {bytes} bytes, the limit is {MAX_JOB_RESULT}");
            Problem::new(ProblemKind::ResultTooLarge, detail)
        }
        Err(problem) => problem,
    };
    JobEnd::Failed(to_json(problem, request))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_that_is_too_large_fails_the_job() {
        let body = |length: usize| to_body(&"x".repeat(length - 2));
        let kept = end_of(body(MAX_JOB_RESULT), None);
        assert!(matches!(kept, JobEnd::Done(json) if json.len() == MAX_JOB_RESULT));
        let JobEnd::Failed(json) = end_of(body(MAX_JOB_RESULT + 1), Some("request-1")) else {
            panic!("it is too large");
        };
        let problem: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(problem["type"], "urn:patron:problem:result-too-large");
        assert_eq!(problem["instance"], "request-1");
    }
}
