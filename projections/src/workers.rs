//! What the worker processes say of themselves, for operators.
//!
//! Reports are not events: nothing is decided by them. Which processes are alive
//! only Redis tells (`eventlog::Members`).

use bson::{DateTime, doc};
use eventlog::Partition;
use futures::TryStreamExt;
use mongodb::Collection;
use mongodb::error::Error;
use mongodb::options::WriteConcern;
use serde::{Deserialize, Serialize};

use crate::Store;

/// A worker process, as it stands in the collection `workers`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkerReport {
    /// Its name.
    #[serde(rename = "_id")]
    pub name: String,
    /// The version of the program.
    pub version: String,
    /// Since when it runs.
    pub started_at: DateTime,
    /// When it reported this.
    pub at: DateTime,
    /// Its periodic tasks. Empty if another process does them.
    pub tasks: Vec<TaskReport>,
}

/// A periodic task of a worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskReport {
    /// Its name.
    pub name: String,
    /// When it was run last; `None` before the first run has ended.
    pub ran_at: Option<DateTime>,
    /// How long that took, in milliseconds.
    pub took_ms: i64,
    /// How often it was run since the process began with it.
    pub runs: i64,
    /// Why the last run failed, if it did.
    pub error: Option<String>,
}

/// A live worker process and its share of the work.
#[derive(Debug, Clone, PartialEq)]
pub struct Worker {
    /// Its name.
    pub name: String,
    /// The partitions that it folds.
    pub folds: Vec<Partition>,
    /// The partitions whose messages it sends; `None` if it has no way to a
    /// vendor.
    pub sends: Option<Vec<Partition>>,
    /// What it says of itself; `None` if it has not said anything yet.
    pub report: Option<WorkerReport>,
}

impl Store {
    fn worker_reports(&self) -> Collection<WorkerReport> {
        self.database().collection("workers")
    }

    /// Replaces what a worker says of itself.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn report_worker(&self, report: &WorkerReport) -> Result<(), Error> {
        let reports = self.worker_reports();
        let replacing = reports.replace_one(doc! {"_id": &report.name}, report);
        replacing.upsert(true).write_concern(quick()).await?;
        Ok(())
    }

    /// Removes what a worker said of itself.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn forget_worker(&self, name: &str) -> Result<(), Error> {
        let reports = self.worker_reports();
        let deleting = reports.delete_one(doc! {"_id": name});
        deleting.write_concern(quick()).await?;
        Ok(())
    }

    /// Removes what workers said that are not alive.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn forget_workers_but(&self, alive: &[String]) -> Result<(), Error> {
        let reports = self.worker_reports();
        let deleting = reports.delete_many(doc! {"_id": {"$nin": alive}});
        deleting.write_concern(quick()).await?;
        Ok(())
    }

    /// What these workers say of themselves, in no order.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn workers(&self, names: &[String]) -> Result<Vec<WorkerReport>, Error> {
        let reports = self.worker_reports();
        let found = reports.find(doc! {"_id": {"$in": names}}).await?;
        found.try_collect().await
    }
}

/// A report that is lost is made again.
fn quick() -> WriteConcern {
    WriteConcern::nodes(1)
}
