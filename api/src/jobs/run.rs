//! Answering long reads, and running those that become jobs.
//!
//! # Shape
//!
//! [`respond`] runs the read as a task of its own and waits for it. If it takes
//! longer than [`Jobs::after`], [`supervise`] takes the task over: it records
//! the job, renews the lease in the record while the task runs, and records the
//! end. The client is referred to the job.
//!
//! # Correctness
//!
//! Until [`supervise`] has it, the task is dropped with the request: a client
//! that goes away stops the work. From then on nothing but the job's end, the
//! process's end or a lost lease stops it.
//!
//! The record decides. A job that the record no longer has as running is
//! stopped, and its result is dropped, since somebody may have read that it was
//! interrupted.
//!
//! A job is in [`Jobs::running`] from before its record is written until its
//! end is recorded, so that of two equal requests one starts a job and the
//! other is answered with it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use commands::Context;
use domain::JobId;
use projections::{JobEnd, JobKind, LongRead, MAX_JOB_RESULT};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::watch;
use tokio::task::JoinError;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use tracing::Instrument;
use uuid::Uuid;

use super::answer::{Accepted, JobResponse, find, interrupted, to_json};
use crate::limits::LogRead;
use crate::problem::{Problem, ProblemKind};
use crate::state::{AppState, Shared};

/// How long the record of a running job holds unless it is renewed.
const LEASE: Duration = Duration::from_secs(10);

/// How often the lease is renewed, and the progress recorded.
const RENEW: Duration = Duration::from_secs(1);

/// How often the end of a job is written before it is given up: for as long as
/// MongoDB may take to fail over. The lease expires by itself.
const END_ATTEMPTS: usize = 60;

/// How long to wait after a write that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// A request that reads the whole log.
pub(crate) struct LongRequest {
    /// What a job of it would be.
    pub(crate) kind: JobKind,
    /// What is asked for: requests of one kind that have the same subject have
    /// the same result.
    pub(crate) subject: String,
    /// Whether the client wants a job at once.
    pub(crate) respond_async: bool,
}

/// The jobs of this process.
pub(crate) struct Jobs {
    /// After how long a read becomes a job.
    after: Duration,
    running: Mutex<HashMap<Identity, Running>>,
    supervisors: TaskTracker,
}

/// Equal requests have equal identities.
type Identity = (&'static str, String);

/// A job that is running or about to.
#[derive(Clone)]
struct Running {
    id: JobId,
    /// Whether it is recorded; closed without that if it could not be.
    recorded: watch::Receiver<bool>,
}

/// The outcome of a read: the body of a 200, or a problem.
type Outcome = Result<Box<RawValue>, Problem>;

type Work = AbortOnDropHandle<Outcome>;

impl Jobs {
    /// Reads become jobs after so long.
    pub(crate) fn new(after: Duration) -> Self {
        Self {
            after,
            running: Mutex::default(),
            supervisors: TaskTracker::new(),
        }
    }

    /// Waits until the ends of all jobs are recorded, after
    /// [`Shared::closing`] was cancelled.
    pub(crate) async fn stopped(&self) {
        self.supervisors.close();
        self.supervisors.wait().await;
    }

    fn running(&self) -> MutexGuard<'_, HashMap<Identity, Running>> {
        // Nothing that is done with it panics half-way.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers a request that reads the whole log: with the outcome of `work`, or,
/// if that takes long, with 202 and the job that it has become. An equal
/// request that is a job already is answered with that job.
///
/// # Errors
/// Those of `work`; 503 if the caller, or the process, has too many such reads
/// under way.
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
    let same = app.jobs.running().get(&identity).cloned();
    if let Some(same) = same {
        return accepted(app, same).await;
    }
    let place = app.log_reads.place(&caller.actor).await?;
    let work = work(place.reading.clone());
    let work = async move { work.await.and_then(|body| to_body(&body)) };
    let mut work = AbortOnDropHandle::new(tokio::spawn(work.in_current_span()));
    let at_once = request.respond_async || app.jobs.after.is_zero();
    if !at_once && let Ok(ended) = timeout(app.jobs.after, &mut work).await {
        return Ok(Json(outcome(ended)?).into_response());
    }
    if app.closing.is_cancelled() {
        // A job would be interrupted; the request may still be answered.
        return Ok(Json(outcome(work.await)?).into_response());
    }
    let started = start(app, caller, request.kind, identity, place, work);
    accepted(app, started).await
}

fn to_body(body: &impl Serialize) -> Outcome {
    to_raw_value(body).map_err(|error| {
        tracing::error!(%error, "an answer has no JSON form");
        Problem::internal()
    })
}

fn outcome(ended: Result<Outcome, JoinError>) -> Outcome {
    ended.unwrap_or_else(|error| {
        tracing::error!(%error, "a read of the log broke down");
        Err(Problem::internal())
    })
}

/// The answer that refers to a job, once it is recorded.
async fn accepted(app: &Shared, mut job: Running) -> Result<Response, Problem> {
    if job.recorded.wait_for(|recorded| *recorded).await.is_err() {
        return Err(Problem::unavailable());
    }
    let job = find(app, &job.id).await?;
    Ok(Accepted(JobResponse::new(job)?).into_response())
}

/// Makes a job of work under way; an equal one that another request has just
/// made stands for it, and the work is dropped.
fn start(
    app: &AppState,
    caller: &Context,
    kind: JobKind,
    identity: Identity,
    place: LogRead,
    work: Work,
) -> Running {
    let mut running = app.jobs.running();
    let vacant = match running.entry(identity.clone()) {
        Entry::Occupied(same) => return same.get().clone(),
        Entry::Vacant(vacant) => vacant,
    };
    let (tell, recorded) = watch::channel(false);
    let id = JobId::from(Uuid::now_v7().as_u128());
    let job = vacant.insert(Running { id, recorded }).clone();
    let supervised = Supervised {
        app: app.clone(),
        id: job.id.clone(),
        kind,
        request: caller.request.clone(),
        place,
    };
    let jobs = app.clone();
    let span = tracing::info_span!("job", job.id = %job.id, job.kind = kind.name());
    let supervisor = async move {
        supervised.run(work, tell).await;
        jobs.jobs.running().remove(&identity);
    };
    app.jobs.supervisors.spawn(supervisor.instrument(span));
    job
}

/// A job while its process runs it.
struct Supervised {
    app: Arc<Shared>,
    id: JobId,
    kind: JobKind,
    request: Option<String>,
    place: LogRead,
}

impl Supervised {
    /// Runs the job to its end. Sends whether it is recorded once it is.
    async fn run(self, work: Work, recorded: watch::Sender<bool>) {
        let progress = self.place.reading.progress();
        let (store, request) = (&self.app.store, self.request.as_deref());
        let created = store.create_job(&self.id, self.kind, request, progress, LEASE);
        if let Err(error) = created.await {
            tracing::warn!(%error, "a job cannot be recorded and is not run");
            return;
        }
        recorded.send_replace(true);
        tracing::info!("the request continues as a job");
        match self.watch(work).await {
            Some(end) => self.record(end).await,
            None => tracing::warn!("the job was ended by others, since its lease had expired"),
        }
    }

    /// Waits for the work's end, and renews the lease meanwhile. `None` if the
    /// record is no longer that of a running job.
    async fn watch(&self, mut work: Work) -> Option<Outcome> {
        let mut ticks = interval(RENEW);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let renewing = async {
            loop {
                ticks.tick().await;
                let progress = self.place.reading.progress();
                match self.app.store.renew_job(&self.id, progress, LEASE).await {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(error) => {
                        tracing::warn!(%error, "a job's lease cannot be renewed, trying again");
                    }
                }
            }
        };
        tokio::select! {
            ended = &mut work => Some(outcome(ended)),
            () = self.app.closing.cancelled() => Some(Err(interrupted())),
            () = renewing => None,
        }
    }

    async fn record(&self, outcome: Outcome) {
        let end = self.end_of(outcome);
        let progress = self.place.reading.progress();
        for _ in 0..END_ATTEMPTS {
            match self.app.store.end_job(&self.id, &end, progress).await {
                Ok(true) => {
                    let done = matches!(end, JobEnd::Done(_));
                    return tracing::info!(done, read = progress.read, "the job has ended");
                }
                Ok(false) => return tracing::warn!("the job was ended by others"),
                Err(error) => {
                    tracing::warn!(%error, "a job's end cannot be recorded, trying again");
                }
            }
            sleep(AFTER_FAILURE).await;
        }
        tracing::error!("a job's end was not recorded");
    }

    fn end_of(&self, outcome: Outcome) -> JobEnd {
        let problem = match outcome {
            Ok(body) if body.get().len() <= MAX_JOB_RESULT => {
                return JobEnd::Done(Box::<str>::from(body).into());
            }
            Ok(body) => {
                let bytes = body.get().len();
                let detail =
                    format!("the result has {bytes} bytes, at most {MAX_JOB_RESULT} are kept");
                Problem::new(ProblemKind::ResultTooLarge, detail)
            }
            Err(problem) => problem,
        };
        JobEnd::Failed(to_json(problem, self.request.as_deref()))
    }
}
