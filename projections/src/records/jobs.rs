//! Jobs: long reads that an API process runs in the background, and their
//! results.
//!
//! Not a view: not folded from events. The process that accepted a job runs it
//! and renews a lease in its record. If the lease has expired, that process is
//! dead or cut off, and the next read of the record ends the job. Every write
//! after the first takes effect only on a running job, so that each job ends
//! exactly once. Only MongoDB's clock decides on expiry, which makes the clocks
//! of the processes irrelevant.

use std::time::Duration;

use bson::{DateTime, Document, RawArrayBuf, RawDocumentBuf, doc};
use domain::{JobId, Timestamp};
use futures::TryStreamExt;
use mongodb::options::IndexOptions;
use mongodb::{Collection, IndexModel};
use serde::{Deserialize, Serialize};

use crate::runtime::long_read::ReadProgress;
use crate::runtime::store::{QueryError, Store};
use crate::runtime::writes::update;

const COLLECTION: &str = "jobs";

/// Time that a record is kept after the job has ended, or after its lease was
/// last renewed.
const RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// Maximum size of a job's result, in bytes. A MongoDB document has at most 16
/// MiB.
pub const MAX_JOB_RESULT: usize = 15 * 1024 * 1024;

/// Kind of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Reconciliation of a campaign.
    Reconciliation,
    /// Preview of rules as of a past instant.
    Preview,
    /// Verification of heads and views against the log.
    Verification,
    /// Copying of a customer that was merged into another one.
    Merge,
}

impl JobKind {
    /// All values.
    pub const ALL: [Self; 4] = [
        Self::Reconciliation,
        Self::Preview,
        Self::Verification,
        Self::Merge,
    ];

    /// Returns the wire name, such as `reconciliation`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reconciliation => "reconciliation",
            Self::Preview => "preview",
            Self::Verification => "verification",
            Self::Merge => "merge",
        }
    }
}

/// State of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// A process works on the job.
    Running,
    /// The job has a result.
    Done,
    /// The job ended without a result.
    Failed,
}

impl JobStatus {
    /// All values.
    pub const ALL: [Self; 3] = [Self::Running, Self::Done, Self::Failed];

    /// Returns the wire name, such as `running`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// A job, as stored in its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Id of the job.
    pub id: JobId,
    /// Kind of the job.
    pub kind: JobKind,
    /// State of the job.
    pub status: JobStatus,
    /// Id of the request that started the job.
    pub request: Option<String>,
    /// Progress of the read.
    pub progress: ReadProgress,
    /// Time when the job was started.
    pub started_at: Timestamp,
    /// Time when the job ended; `None` while it runs.
    pub ended_at: Option<Timestamp>,
    /// Result as JSON, once done.
    pub result: Option<String>,
    /// Problem as JSON, if the job failed.
    pub problem: Option<String>,
    /// True if the record says that the job is running, but its lease has
    /// expired.
    pub is_abandoned: bool,
}

/// Outcome of a job. Both values are JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEnd {
    /// The job has this result, of at most [`MAX_JOB_RESULT`] bytes.
    Done(String),
    /// The job failed with this problem.
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
    /// Not in the record: computed by MongoDB, so that its clock decides.
    is_lease_expired: bool,
}

impl Store {
    /// Records a job that this process runs, with a lease of this duration.
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
        // MongoDB deletes expired records with this index.
        let on_expiry = IndexOptions::builder().expire_after(Duration::ZERO).build();
        let index = IndexModel::builder()
            .keys(doc! {"expires_at": 1})
            .options(on_expiry)
            .build();
        self.job_collection().create_index(index).await?;
        let mut set = running_fields(progress, lease);
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

    /// Renews the lease of a running job. Returns whether the job is still
    /// running: another process may have ended it.
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
            "u": [{"$set": running_fields(progress, lease)}],
        };
        Ok(self.write_job(&statement).await? > 0)
    }

    /// Ends a job unless it has already ended. Returns whether it was running.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn end_job(
        &self,
        id: &JobId,
        end: &JobEnd,
        progress: ReadProgress,
    ) -> Result<bool, QueryError> {
        let mut set = ended_fields(end);
        set.extend(progress_fields(progress));
        let statement = doc! {"q": is_running(id), "u": [{"$set": set}]};
        Ok(self.write_job(&statement).await? > 0)
    }

    /// Fails a running job whose lease has expired, with this problem.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn end_abandoned_job(&self, id: &JobId, problem: String) -> Result<(), QueryError> {
        let mut filter = is_running(id);
        filter.insert("$expr", lease_expired());
        let set = ended_fields(&JobEnd::Failed(problem));
        let statement = doc! {"q": filter, "u": [{"$set": set}]};
        self.write_job(&statement).await?;
        Ok(())
    }

    /// Returns a job; `None` if there is none, or its record was deleted.
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

fn running_fields(progress: ReadProgress, lease: Duration) -> Document {
    let mut fields = progress_fields(progress);
    fields.extend(doc! {
        "lease_until": time_from_now(lease),
        "expires_at": time_from_now(RETENTION),
    });
    fields
}

fn progress_fields(progress: ReadProgress) -> Document {
    doc! {"read": progress.read as i64, "of": progress.of as i64}
}

fn ended_fields(end: &JobEnd) -> Document {
    let (status, field, json) = match end {
        JobEnd::Done(json) => (JobStatus::Done, "result", json),
        JobEnd::Failed(json) => (JobStatus::Failed, "problem", json),
    };
    doc! {
        "status": status.name(),
        // A literal, since a pipeline update reads a text that begins with `$`
        // as a field path.
        field: {"$literal": json},
        "ended_at": "$$NOW",
        "expires_at": time_from_now(RETENTION),
    }
}

/// Returns an expression for the time this much later than now, by MongoDB's
/// clock.
fn time_from_now(time: Duration) -> Document {
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
