//! Status reports of worker processes, for operators.
//!
//! Reports are not events, and no decision depends on them. Only Redis knows
//! which processes are alive (`eventlog::Members`).

use std::time::Duration;

use bson::{DateTime, doc};
use domain::Timestamp;
use eventlog::Partition;
use futures::TryStreamExt;
use mongodb::Collection;
use mongodb::error::Error;
use mongodb::options::WriteConcern;
use serde::{Deserialize, Serialize};

use crate::runtime::date::date;
use crate::runtime::store::Store;

/// Report of a worker process, as stored in the collection `workers`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkerReport {
    /// Name of the worker.
    #[serde(rename = "_id")]
    pub name: String,
    /// Version of the program.
    pub version: String,
    /// Time when the process started.
    pub started_at: DateTime,
    /// Time of the report.
    pub at: DateTime,
    /// Periodic tasks of the worker. Empty if another process runs them.
    pub tasks: Vec<TaskReport>,
}

/// Report about a periodic task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskReport {
    /// Name of the task.
    pub name: String,
    /// Time of the last run; `None` before the first run has ended.
    pub ran_at: Option<DateTime>,
    /// Duration of the last run, in milliseconds.
    pub took_ms: i64,
    /// Number of runs since the process took over the task.
    pub runs: i64,
    /// Error of the last run, if it failed.
    pub error: Option<String>,
}

/// A live worker process and its share of the work.
#[derive(Debug, Clone, PartialEq)]
pub struct Worker {
    /// Name of the worker.
    pub name: String,
    /// Partitions that the worker folds.
    pub folds: Vec<Partition>,
    /// Partitions whose messages the worker sends; `None` if it has no vendor
    /// configured.
    pub sends: Option<Vec<Partition>>,
    /// Latest report of the worker; `None` before the first one.
    pub report: Option<WorkerReport>,
}

impl WorkerReport {
    /// Creates a report at time `at`.
    pub fn new(
        name: String,
        version: String,
        started_at: Timestamp,
        at: Timestamp,
        tasks: Vec<TaskReport>,
    ) -> Self {
        Self {
            name,
            version,
            started_at: date(started_at),
            at: date(at),
            tasks,
        }
    }
}

impl TaskReport {
    /// Creates the report of a task without a run.
    pub fn new(name: String) -> Self {
        Self {
            name,
            ran_at: None,
            took_ms: 0,
            runs: 0,
            error: None,
        }
    }

    /// Records a run that ended at `at`, with its error if it failed.
    pub fn record_run(&mut self, at: Timestamp, took: Duration, error: Option<String>) {
        self.ran_at = Some(date(at));
        self.took_ms = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
        self.runs += 1;
        self.error = error;
    }
}

impl Store {
    fn worker_reports(&self) -> Collection<WorkerReport> {
        self.database().collection("workers")
    }

    /// Replaces the report of a worker.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn report_worker(&self, report: &WorkerReport) -> Result<(), Error> {
        let reports = self.worker_reports();
        let replacing = reports.replace_one(doc! {"_id": &report.name}, report);
        replacing.upsert(true).write_concern(quick()).await?;
        Ok(())
    }

    /// Deletes the report of a worker.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn forget_worker(&self, name: &str) -> Result<(), Error> {
        let reports = self.worker_reports();
        let deleting = reports.delete_one(doc! {"_id": name});
        deleting.write_concern(quick()).await?;
        Ok(())
    }

    /// Deletes the reports of all workers that are not alive.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn forget_workers_but(&self, alive: &[String]) -> Result<(), Error> {
        let reports = self.worker_reports();
        let deleting = reports.delete_many(doc! {"_id": {"$nin": alive}});
        deleting.write_concern(quick()).await?;
        Ok(())
    }

    /// Returns the reports of these workers, in no particular order.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn workers(&self, names: &[String]) -> Result<Vec<WorkerReport>, Error> {
        let reports = self.worker_reports();
        let found = reports.find(doc! {"_id": {"$in": names}}).await?;
        found.try_collect().await
    }
}

/// Returns a write concern without a majority: a report that is lost is soon
/// repeated.
fn quick() -> WriteConcern {
    WriteConcern::nodes(1)
}
