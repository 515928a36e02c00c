//! Jobs: long reads that a process of the API carries out in the background,
//! and their results.
//!
//! Not a view: it is folded from no events. The process that accepted a job
//! runs it and renews a lease in its record. When the lease has expired, that
//! process is gone or cut off, and whoever reads the record ends the job. Every
//! write after the first takes effect only on a job that is running, so that a
//! job ends once. Only MongoDB's clock decides on expiry, which makes the
//! clocks of the processes irrelevant.

use std::time::Duration;

use bson::{DateTime, Document, RawArrayBuf, RawDocumentBuf, doc};
use domain::{JobId, Timestamp};
use futures::TryStreamExt;
use mongodb::options::IndexOptions;
use mongodb::{Collection, IndexModel};
use serde::{Deserialize, Serialize};

use crate::writes::update;
use crate::{QueryError, ReadProgress, Store};

const COLLECTION: &str = "jobs";

/// How long a record is kept after the job has ended, or after its lease was
/// last renewed.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// The most bytes that the result of a job may have. A document of MongoDB has
/// at most 16 MiB.
pub const MAX_JOB_RESULT: usize = 15 * 1024 * 1024;

/// What a job works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Reconciles a campaign.
    Reconciliation,
    /// Previews rules as of an instant that has passed.
    Preview,
}

impl JobKind {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Reconciliation, Self::Preview];

    /// `reconciliation`
    pub fn name(self) -> &'static str {
        match self {
            Self::Reconciliation => "reconciliation",
            Self::Preview => "preview",
        }
    }
}

/// The state of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Its process works on it.
    Running,
    /// It has a result.
    Done,
    /// It ended without a result.
    Failed,
}

impl JobStatus {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Running, Self::Done, Self::Failed];

    /// `running`
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// A job as its record has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The job.
    pub id: JobId,
    /// What it works on.
    pub kind: JobKind,
    /// Its state.
    pub status: JobStatus,
    /// The id of the request that started it.
    pub request: Option<String>,
    /// Progress.
    pub progress: ReadProgress,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Its result, as JSON.
    pub result: Option<String>,
    /// Why it has none, as JSON.
    pub problem: Option<String>,
    /// Whether it is running by its record, but its lease has expired.
    pub is_abandoned: bool,
}

/// The end of a job; texts of JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEnd {
    /// It has this result, of at most [`MAX_JOB_RESULT`] bytes.
    Done(String),
    /// It ended for this reason.
    Failed(String),
}

/// A record in the collection `jobs`.
#[derive(Deserialize)]
struct JobDocument {
    #[serde(rename = "_id")]
    id: JobId,
    kind: JobKind,
    status: JobStatus,
    request: Option<String>,
    read: i64,
    of: i64,
    started_at: DateTime,
    ended_at: Option<DateTime>,
    result: Option<String>,
    problem: Option<String>,
    /// Not in the record: worked out by MongoDB, which has the clock.
    is_lease_expired: bool,
}

impl Store {
    /// Records a job that this process runs, until `lease` from now.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer. The record may have been
    /// written; its lease then expires.
    pub async fn create_job(
        &self,
        id: &JobId,
        kind: JobKind,
        request: Option<&str>,
        progress: ReadProgress,
        lease: Duration,
    ) -> Result<(), QueryError> {
        self.expire_job_records().await?;
        let mut set = running(progress, lease);
        set.extend(doc! {
            "kind": kind.name(),
            "status": JobStatus::Running.name(),
            "request": {"$literal": request},
            "started_at": "$$NOW",
        });
        let statement = doc! {
            "q": {"_id": id.as_str()},
            "u": [{"$set": set}],
            "upsert": true,
        };
        self.write_job(&statement).await?;
        Ok(())
    }

    /// Renews the lease of a running job. Returns whether it is still running:
    /// others may have ended it.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn renew_job(
        &self,
        id: &JobId,
        progress: ReadProgress,
        lease: Duration,
    ) -> Result<bool, QueryError> {
        let statement = doc! {
            "q": is_running(id),
            "u": [{"$set": running(progress, lease)}],
        };
        Ok(self.write_job(&statement).await? > 0)
    }

    /// Ends a job, unless it has ended. Returns whether it was running.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn end_job(
        &self,
        id: &JobId,
        end: &JobEnd,
        progress: ReadProgress,
    ) -> Result<bool, QueryError> {
        let mut set = ended(end);
        set.extend(figures(progress));
        let statement = doc! {"q": is_running(id), "u": [{"$set": set}]};
        Ok(self.write_job(&statement).await? > 0)
    }

    /// Ends a running job whose lease has expired: it failed for this reason.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn end_abandoned_job(&self, id: &JobId, problem: String) -> Result<(), QueryError> {
        let mut filter = is_running(id);
        filter.insert("$expr", lease_expired());
        let set = ended(&JobEnd::Failed(problem));
        let statement = doc! {"q": filter, "u": [{"$set": set}]};
        self.write_job(&statement).await?;
        Ok(())
    }

    /// A job; `None` if there is none, or its record was deleted.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn job(&self, id: &JobId) -> Result<Option<Job>, QueryError> {
        let stages = [
            doc! {"$match": {"_id": id.as_str()}},
            doc! {"$set": {"is_lease_expired": lease_expired()}},
        ];
        let jobs = self.job_collection();
        let found = jobs.aggregate(stages).with_type::<JobDocument>();
        let found = found.await?.try_next().await?;
        Ok(found.map(Job::from))
    }

    /// Lets MongoDB delete records when their time has come.
    async fn expire_job_records(&self) -> Result<(), QueryError> {
        let at_that_time = IndexOptions::builder().expire_after(Duration::ZERO).build();
        let index = IndexModel::builder()
            .keys(doc! {"expires_at": 1})
            .options(at_that_time)
            .build();
        self.job_collection().create_index(index).await?;
        Ok(())
    }

    async fn write_job(&self, statement: &Document) -> Result<u64, QueryError> {
        let mut statements = RawArrayBuf::new();
        let statement = RawDocumentBuf::try_from(statement);
        statements.push(statement.map_err(mongodb::error::Error::from)?);
        Ok(update(self.database(), COLLECTION, statements).await?)
    }

    fn job_collection(&self) -> Collection<Document> {
        self.database().collection(COLLECTION)
    }
}

fn is_running(id: &JobId) -> Document {
    doc! {"_id": id.as_str(), "status": JobStatus::Running.name()}
}

fn lease_expired() -> Document {
    doc! {"$lte": ["$lease_until", "$$NOW"]}
}

fn running(progress: ReadProgress, lease: Duration) -> Document {
    let mut fields = figures(progress);
    fields.extend(doc! {
        "lease_until": after(lease),
        "expires_at": after(KEPT),
    });
    fields
}

fn figures(progress: ReadProgress) -> Document {
    doc! {"read": progress.read as i64, "of": progress.of as i64}
}

fn ended(end: &JobEnd) -> Document {
    let (status, field, json) = match end {
        JobEnd::Done(json) => (JobStatus::Done, "result", json),
        JobEnd::Failed(json) => (JobStatus::Failed, "problem", json),
    };
    doc! {
        "status": status.name(),
        field: {"$literal": json},
        "ended_at": "$$NOW",
        "expires_at": after(KEPT),
    }
}

/// So much later than now, by MongoDB's clock.
fn after(time: Duration) -> Document {
    let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    doc! {"$add": ["$$NOW", millis]}
}

impl From<JobDocument> for Job {
    fn from(job: JobDocument) -> Self {
        let is_running = job.status == JobStatus::Running;
        Self {
            id: job.id,
            kind: job.kind,
            status: job.status,
            request: job.request,
            progress: ReadProgress {
                read: u64::try_from(job.read).unwrap_or_default(),
                of: u64::try_from(job.of).unwrap_or_default(),
            },
            started_at: job.started_at.to_chrono().into(),
            ended_at: job.ended_at.map(|at| at.to_chrono().into()),
            result: job.result,
            problem: job.problem,
            is_abandoned: is_running && job.is_lease_expired,
        }
    }
}
