//! Driver of all periodic background tasks, and the status it reports to operators.

use std::fmt;
use std::time::{Duration, Instant};

use eventlog::Role;
use projections::{TaskReport, Topics, WorkerReport};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::clock::now;
use crate::shared::SharedResources;

/// Interval between checks of whether the status changed and must be reported.
const REPORT: Duration = Duration::from_secs(5);

/// Time limit for removing this process's report at shutdown.
const PARTING: Duration = Duration::from_secs(5);

/// Longest time between two reports, even if nothing changed.
const REPEAT: Duration = Duration::from_secs(60);

/// Name and schedule of a periodic task.
#[derive(Clone, Copy)]
pub(crate) struct Periodic {
    /// Name that operators see in the list of workers.
    pub(crate) name: &'static str,
    /// Topics whose notices start the next run early.
    pub(crate) topics: Topics,
    /// Delay before the next run after a failure.
    pub(crate) after_failure: Duration,
}

/// Work of a periodic task.
pub(crate) trait PeriodicTask: Send {
    type Error: fmt::Display + Send;

    /// Runs the task once. Returns when it should run next.
    fn run(
        &mut self,
        shared: &SharedResources,
    ) -> impl Future<Output = Result<NextRun, Self::Error>> + Send;
}

/// Delay before the next run of a task.
#[derive(Clone, Copy)]
pub(crate) struct NextRun {
    /// Shortest delay; notices during this time do not start a run.
    pub(crate) least: Duration,
    /// Longest delay, if no notice arrives.
    pub(crate) most: Duration,
}

impl NextRun {
    /// Returns a delay that ends at the next notice, or after `most` at the latest.
    pub(crate) fn within(most: Duration) -> Self {
        let least = Duration::ZERO;
        Self { least, most }
    }
}

impl Periodic {
    /// Runs a task periodically until `stop` is cancelled. A run in progress is then
    /// dropped at its next await point, so tasks must tolerate interruption anywhere.
    pub(crate) async fn run(
        self,
        shared: &SharedResources,
        stop: &CancellationToken,
        mut task: impl PeriodicTask,
    ) {
        shared.tasks.add(self.name);
        // Created before the first run, so that a notice during a run is not lost: it
        // starts the next one.
        let mut watcher = shared.store.folded().watch(self.topics);
        while !stop.is_cancelled() {
            let start = Instant::now();
            let Some(ended) = stop.run_until_cancelled(task.run(shared)).await else {
                break;
            };
            let error = ended.as_ref().err().map(ToString::to_string);
            shared.tasks.record_run(self.name, start.elapsed(), error);
            let rest = ended.unwrap_or_else(|error| {
                tracing::warn!(task = self.name, %error, "a periodic task failed, trying again");
                let least = self.after_failure;
                NextRun { least, most: least }
            });
            let resting = async {
                sleep(rest.least).await;
                watcher.changed(rest.most.saturating_sub(rest.least)).await;
            };
            stop.run_until_cancelled(resting).await;
        }
        shared.tasks.remove(self.name);
    }
}

/// Reports the status of this process's tasks until `stop` is cancelled.
pub(crate) async fn report(shared: &SharedResources, stop: &CancellationToken) {
    let started_at = now();
    let mut reported: Option<(Vec<TaskReport>, Instant)> = None;
    while !stop.is_cancelled() {
        let tasks = shared.tasks.all();
        // Runs that end like the previous ones are not reported: otherwise every
        // process would write to MongoDB every few seconds.
        let essence =
            |task: &TaskReport| (task.name.clone(), task.ran_at.is_some(), task.error.clone());
        let is_news = reported.as_ref().is_none_or(|(known, at)| {
            let is_alike = known.iter().map(essence).eq(tasks.iter().map(essence));
            at.elapsed() >= REPEAT || !is_alike
        });
        if is_news {
            let (worker, version) = (shared.worker.clone(), env!("CARGO_PKG_VERSION").to_owned());
            let report = WorkerReport::new(worker, version, started_at, now(), tasks.clone());
            match stop
                .run_until_cancelled(shared.store.report_worker(&report))
                .await
            {
                Some(Ok(())) => reported = Some((tasks, Instant::now())),
                Some(Err(error)) => {
                    tracing::debug!(%error, "this worker's status could not be reported");
                }
                None => break,
            }
        }
        stop.run_until_cancelled(sleep(REPORT)).await;
    }
    // Best effort: readers skip reports of workers that are not alive, and `tidy`
    // removes what is left.
    let forgetting = shared.store.forget_worker(&shared.worker);
    if !matches!(timeout(PARTING, forgetting).await, Ok(Ok(()))) {
        tracing::debug!("this worker's status report was not removed");
    }
}

/// Removes the status reports of workers that have died.
pub(crate) async fn tidy(shared: &SharedResources) -> Result<(), projections::QueryError> {
    let mut alive = shared.log.members(Role::Fold).await?.alive;
    alive.push(shared.worker.clone());
    Ok(shared.store.forget_workers_but(&alive).await?)
}
