//! The driver of tasks that run again and again.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bson::DateTime;
use eventlog::Role;
use projections::{TaskReport, Topics, WorkerReport};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::shared::Shared;

/// How often a process reports what it does, if anything has changed.
const REPORT: Duration = Duration::from_secs(5);

/// How long removing a report may take at the end.
const PARTING: Duration = Duration::from_secs(5);

/// A report is repeated at least this often.
const REPEAT: Duration = Duration::from_secs(60);

/// A task that runs again and again.
#[derive(Clone, Copy)]
pub(crate) struct Periodic {
    /// As operators see it.
    pub(crate) name: &'static str,
    /// What wakes it.
    pub(crate) topics: Topics,
    /// How long it rests after a failure.
    pub(crate) after_failure: Duration,
}

/// What a periodic task does.
pub(crate) trait Task: Send {
    type Error: fmt::Display + Send;

    /// Does it once. Returns how long to rest then.
    fn run(&mut self, shared: &Shared) -> impl Future<Output = Result<Rest, Self::Error>> + Send;
}

/// How long a task rests.
#[derive(Clone, Copy)]
pub(crate) struct Rest {
    /// Whatever happens.
    pub(crate) least: Duration,
    /// If nothing wakes it.
    pub(crate) most: Duration,
}

impl Rest {
    /// Until something wakes it, or after this.
    pub(crate) fn at_most(most: Duration) -> Self {
        let least = Duration::ZERO;
        Self { least, most }
    }
}

/// The state of this process's periodic tasks.
#[derive(Default)]
pub(crate) struct Tasks(Mutex<BTreeMap<&'static str, TaskReport>>);

impl Periodic {
    /// Runs a task until told to stop. A run that is stopped in the middle is
    /// dropped.
    pub(crate) async fn run(self, shared: &Shared, stop: &CancellationToken, mut task: impl Task) {
        shared.tasks.begin(self.name);
        let mut watcher = shared.store.folded().watch(self.topics);
        while !stop.is_cancelled() {
            let start = Instant::now();
            let Some(ended) = stop.run_until_cancelled(task.run(shared)).await else {
                break;
            };
            let error = ended.as_ref().err().map(ToString::to_string);
            shared.tasks.ran(self.name, start.elapsed(), error);
            let rest = ended.unwrap_or_else(|error| {
                tracing::warn!(task = self.name, %error, "it failed, trying again");
                let least = self.after_failure;
                Rest { least, most: least }
            });
            let resting = async {
                sleep(rest.least).await;
                watcher.changed(rest.most.saturating_sub(rest.least)).await;
            };
            stop.run_until_cancelled(resting).await;
        }
        shared.tasks.end(self.name);
    }
}

impl Tasks {
    fn begin(&self, name: &'static str) {
        let report = TaskReport {
            name: name.to_owned(),
            ran_at: None,
            took_ms: 0,
            runs: 0,
            error: None,
        };
        self.with(|tasks| tasks.insert(name, report));
    }

    fn ran(&self, name: &'static str, took: Duration, error: Option<String>) {
        self.with(|tasks| {
            if let Some(task) = tasks.get_mut(name) {
                task.ran_at = Some(DateTime::now());
                task.took_ms = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
                task.runs += 1;
                task.error = error;
            }
        });
    }

    fn end(&self, name: &str) {
        self.with(|tasks| tasks.remove(name));
    }

    fn reports(&self) -> Vec<TaskReport> {
        self.with(|tasks| tasks.values().cloned().collect())
    }

    fn with<T>(&self, change: impl FnOnce(&mut BTreeMap<&'static str, TaskReport>) -> T) -> T {
        // Nothing that is done under the lock can leave it half done.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Reports what this process does until told to stop.
pub(crate) async fn report(shared: &Shared, stop: &CancellationToken) {
    let started_at = DateTime::now();
    let mut reported: Option<(Vec<TaskReport>, Instant)> = None;
    while !stop.is_cancelled() {
        let tasks = shared.tasks.reports();
        // A task at rest that runs as it did before is no news.
        let is_news = reported
            .as_ref()
            .is_none_or(|(known, at)| at.elapsed() >= REPEAT || !is_alike(known, &tasks));
        if is_news {
            let report = WorkerReport {
                name: shared.worker.clone(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                started_at,
                at: DateTime::now(),
                tasks: tasks.clone(),
            };
            match stop
                .run_until_cancelled(shared.store.report_worker(&report))
                .await
            {
                Some(Ok(())) => reported = Some((tasks, Instant::now())),
                Some(Err(error)) => tracing::debug!(%error, "this worker could not report"),
                None => break,
            }
        }
        stop.run_until_cancelled(sleep(REPORT)).await;
    }
    // Who is not alive is not shown, and its report is removed later.
    let forgetting = shared.store.forget_worker(&shared.worker);
    if !matches!(timeout(PARTING, forgetting).await, Ok(Ok(()))) {
        tracing::debug!("what this worker reported was not removed");
    }
}

fn is_alike(known: &[TaskReport], now: &[TaskReport]) -> bool {
    let essence =
        |task: &TaskReport| (task.name.clone(), task.ran_at.is_some(), task.error.clone());
    known.iter().map(essence).eq(now.iter().map(essence))
}

/// Removes the reports of workers that have died.
pub(crate) async fn tidy(shared: &Shared) -> Result<(), projections::QueryError> {
    let mut alive = shared.log.members(Role::Fold).await?.alive;
    alive.push(shared.worker.clone());
    Ok(shared.store.forget_workers_but(&alive).await?)
}
