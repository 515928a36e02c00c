//! Answering long reads, and running those that become jobs.
//!
//! # Shape
//!
//! [`respond`] runs the read as a task of its own and waits for it. If it takes
//! longer than [`Jobs::after`], a supervisor takes the task over: it records
//! the job, renews the lease in the record while the task runs, and records the
//! end. The client is referred to the job.
//!
//! # Correctness
//!
//! Until a supervisor has it, the task is dropped with the request: a client
//! that goes away stops the work. From then on nothing but the job's end, the
//! process's end or a lost lease stops it.
//!
//! The record decides. A job that the record no longer has as running is
//! stopped, and its result is dropped, since somebody may have read that it was
//! interrupted.
//!
//! A request may share a job from before the job's record is written until
//! before its end is, so that a job whose end can be read is never the answer
//! to a later request. It shares only a job whose read began at or after the
//! positions in its own `after`.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
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
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use tracing::Instrument;
use uuid::Uuid;

use super::answer::{Accepted, JobResponse, find, interrupted, to_json};
use crate::deadline::Deadline;
use crate::limits::LogRead;
use crate::problem::{Problem, ProblemKind};
use crate::state::{AppState, Shared};

/// How long the record of a running job holds unless it is renewed. Longer than
/// MongoDB takes to elect a primary, so that a failover ends no job.
const LEASE: Duration = Duration::from_secs(30);

/// How often the lease is renewed, and the progress recorded.
const RENEW: Duration = Duration::from_secs(1);

/// How long one write of a record may take.
const WRITE: Duration = Duration::from_secs(5);

/// For how long the end of a job is tried to be written. After that the lease
/// expires, and the job is `interrupted`.
const END: Duration = Duration::from_secs(60);

/// How long to wait after a write that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// How long a request waits for a place among the reads.
const PLACE: Duration = Duration::from_secs(10);

/// A request that reads the whole log.
pub(crate) struct LongRequest {
    /// What a job of it would be.
    pub(crate) kind: JobKind,
    /// What is asked for: requests of one kind that have the same subject have
    /// the same result.
    pub(crate) subject: String,
    /// Positions that the read must include.
    pub(crate) after: Positions,
    /// Whether the client wants a job at once.
    pub(crate) respond_async: bool,
    /// When the request is answered at the latest.
    pub(crate) deadline: Deadline,
}

/// The jobs of this process.
pub(crate) struct Jobs {
    /// After how long a read becomes a job.
    after: Duration,
    registry: Mutex<Registry>,
    supervisors: TaskTracker,
}

#[derive(Default)]
struct Registry {
    /// For each identity the newest job that requests may share.
    shared: HashMap<Identity, Running>,
    /// Jobs whose supervisors are at work, those that are no longer shared
    /// included.
    supervised: HashSet<JobId>,
}

/// Equal requests have equal identities.
type Identity = (&'static str, String);

/// A job that is running or about to.
#[derive(Clone)]
struct Running {
    id: JobId,
    /// The ends of the log before its read began: what the read includes.
    includes: Positions,
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
            registry: Mutex::default(),
            supervisors: TaskTracker::new(),
        }
    }

    /// Waits until the ends of all jobs are recorded, after
    /// [`Shared::closing`] was cancelled.
    pub(crate) async fn stopped(&self) {
        self.supervisors.close();
        self.supervisors.wait().await;
    }

    /// Whether this process runs the job.
    pub(super) fn is_supervised(&self, id: &JobId) -> bool {
        self.registry().supervised.contains(id)
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        // Nothing that is done with it panics half-way.
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The job that answers an equal request which needs these positions.
    fn shared(&self, identity: &Identity, after: &Positions) -> Option<Running> {
        let registry = self.registry();
        let same = registry.shared.get(identity);
        same.filter(|job| job.includes.cover(after)).cloned()
    }
}

impl Registry {
    /// Adds a job, unless an equal one already includes the positions that its
    /// request needs: that one is returned. The newest job is the one to share.
    fn add(&mut self, identity: Identity, job: Running, after: &Positions) -> Option<Running> {
        let id = job.id.clone();
        match self.shared.entry(identity) {
            Entry::Occupied(same) if same.get().includes.cover(after) => {
                return Some(same.get().clone());
            }
            Entry::Occupied(mut older) => drop(older.insert(job)),
            Entry::Vacant(vacant) => drop(vacant.insert(job)),
        }
        self.supervised.insert(id);
        None
    }

    /// Lets no further request share the job. A newer one stays.
    fn unshare(&mut self, identity: &Identity, id: &JobId) {
        if self.shared.get(identity).is_some_and(|job| job.id == *id) {
            self.shared.remove(identity);
        }
    }
}

/// A job's entry in the registry; removed when dropped, also by a panic.
struct Registered {
    app: AppState,
    identity: Identity,
    id: JobId,
}

impl Registered {
    fn unshare(&self) {
        self.app.jobs.registry().unshare(&self.identity, &self.id);
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.unshare();
        self.app.jobs.registry().supervised.remove(&self.id);
    }
}

/// Answers a request that reads the whole log: with the outcome of `work`, or,
/// if that takes long, with 202 and the job that it has become. An equal
/// request that is a job already is answered with that job.
///
/// The wait for a place and the time until a read becomes a job end early
/// enough to record the job before the request's deadline.
///
/// # Errors
/// Those of `work`; 503 if the caller, or the process, has too many such reads
/// under way, or the server is stopping.
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
    let place_by = job_by.min(Instant::now() + PLACE);
    let place = app.log_reads.place(&caller.actor, place_by);
    let place = tokio::select! {
        biased;
        place = place => place?,
        () = app.closing.cancelled() => return Err(stopping()),
    };
    // An equal request may have become a job during the wait.
    if let Some(same) = app.jobs.shared(&identity, &after) {
        return accepted(app, same).await;
    }
    // Before the read begins, so that it includes all of these.
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
        // A job would be interrupted at once.
        return Err(stopping());
    }
    let (recorded_tx, recorded) = watch::channel(false);
    let job = Running {
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
    let registered = Registered {
        app: app.clone(),
        identity,
        id: job.id.clone(),
    };
    let supervised = Supervised {
        registered,
        kind: request.kind,
        request: caller.request.clone(),
    };
    let span = tracing::info_span!("job", job.id = %job.id, job.kind = request.kind.name());
    let supervisor = supervised.run(place, work, recorded_tx).instrument(span);
    app.jobs.supervisors.spawn(supervisor);
    accepted(app, job).await
}

fn stopping() -> Problem {
    let detail = "the server is stopping; send the request again";
    Problem::new(ProblemKind::Interrupted, detail)
}

fn to_body(body: &impl Serialize) -> Outcome {
    to_raw_value(body).map_err(|error| {
        tracing::error!(%error, "an answer has no JSON form");
        Problem::internal()
    })
}

fn outcome(ended: Result<Outcome, JoinError>) -> Outcome {
    ended.unwrap_or_else(|error| {
        tracing::error!(%error, "a read of the log panicked");
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

/// A job while its process runs it.
struct Supervised {
    registered: Registered,
    kind: JobKind,
    request: Option<String>,
}

impl Supervised {
    /// Runs the job to its end. Sends whether it is recorded once it is.
    async fn run(self, place: LogRead, work: Work, recorded_tx: watch::Sender<bool>) {
        let progress = place.reading.progress();
        let (store, request) = (&self.app().store, self.request.as_deref());
        let created = store.create_job(self.id(), self.kind, request, progress, LEASE);
        match timeout(WRITE, created).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                return tracing::warn!(%error, "a job cannot be recorded and is not run");
            }
            Err(_) => return tracing::warn!("a job was not recorded in time and is not run"),
        }
        recorded_tx.send_replace(true);
        tracing::info!("the request continues as a job");
        let outcome = self.watch(&place.reading, work).await;
        let progress = place.reading.progress();
        // While the end is recorded, others may read, and equal requests start
        // anew: whoever reads the end sees the log as it is later.
        drop(place);
        self.registered.unshare();
        match outcome {
            Some(outcome) => self.record(outcome, progress).await,
            None => tracing::warn!("the job was ended by others, since its lease had expired"),
        }
    }

    /// Waits for the work's end, and renews the lease meanwhile. `None` if the
    /// record is no longer that of a running job.
    async fn watch(&self, reading: &LongRead, mut work: Work) -> Option<Outcome> {
        let mut ticks = interval(RENEW);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let renewing = async {
            loop {
                ticks.tick().await;
                let store = &self.app().store;
                let renewed = store.renew_job(self.id(), reading.progress(), LEASE);
                match timeout(WRITE, renewed).await {
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
            // Work that is done is not lost to a stop at the same moment.
            biased;
            ended = &mut work => Some(outcome(ended)),
            () = self.app().closing.cancelled() => Some(Err(interrupted())),
            () = renewing => None,
        }
    }

    /// Records the end, unless others have ended the job.
    async fn record(&self, outcome: Outcome, progress: ReadProgress) {
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
                sleep(AFTER_FAILURE).await;
            }
        };
        match timeout(END, recording).await {
            Ok(true) => {
                let done = matches!(end, JobEnd::Done(_));
                tracing::info!(done, read = progress.read, "the job has ended");
            }
            Ok(false) => tracing::warn!("the job was ended by others"),
            Err(_) => tracing::error!("a job's end was not recorded"),
        }
    }

    fn app(&self) -> &Shared {
        &self.registered.app
    }

    fn id(&self) -> &JobId {
        &self.registered.id
    }
}

/// The end of a job, as its record has it.
fn end_of(outcome: Outcome, request: Option<&str>) -> JobEnd {
    let problem = match outcome {
        Ok(body) if body.get().len() <= MAX_JOB_RESULT => {
            return JobEnd::Done(Box::<str>::from(body).into());
        }
        Ok(body) => {
            let bytes = body.get().len();
            let detail = format!("the result has {bytes} bytes, at most {MAX_JOB_RESULT} are kept");
            Problem::new(ProblemKind::ResultTooLarge, detail)
        }
        Err(problem) => problem,
    };
    JobEnd::Failed(to_json(problem, request))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(text: &str) -> Positions {
        text.parse().unwrap()
    }

    fn job(id: u128, includes: &str) -> Running {
        Running {
            id: JobId::from(id),
            includes: positions(includes),
            recorded: watch::channel(true).1,
        }
    }

    fn identity() -> Identity {
        (JobKind::Reconciliation.name(), "cmp_1".to_owned())
    }

    #[test]
    fn a_request_shares_a_job_only_if_its_read_includes_what_it_needs() {
        let jobs = Jobs::new(Duration::ZERO);
        let (older, newer) = (job(1, "0:5"), job(2, "0:5,1:3"));
        let shared = |after: &str| {
            jobs.shared(&identity(), &positions(after))
                .map(|job| job.id)
        };
        let shared_at_all = || {
            jobs.shared(&identity(), &Positions::default())
                .map(|job| job.id)
        };
        let add = |job: &Running, after: &str| {
            let added = jobs
                .registry()
                .add(identity(), job.clone(), &positions(after));
            added.map(|job| job.id)
        };
        assert_eq!(add(&older, "0:4"), None);
        assert_eq!(shared("0:5"), Some(older.id.clone()));
        assert_eq!(shared("1:3"), None);
        assert_eq!(add(&newer, "0:5"), Some(older.id.clone()), "one is enough");
        assert!(!jobs.is_supervised(&newer.id));
        assert_eq!(add(&newer, "1:3"), None);
        assert_eq!(shared_at_all(), Some(newer.id.clone()), "the newest");
        assert!(jobs.is_supervised(&older.id) && jobs.is_supervised(&newer.id));
        jobs.registry().unshare(&identity(), &older.id);
        assert_eq!(shared("1:3"), Some(newer.id.clone()), "it is not the older");
        jobs.registry().unshare(&identity(), &newer.id);
        assert_eq!(shared_at_all(), None);
        assert!(jobs.is_supervised(&newer.id), "until its end is recorded");
    }

    #[test]
    fn a_result_that_cannot_be_kept_fails_the_job() {
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
