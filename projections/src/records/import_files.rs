//! Files of imports: the process that has each, and the progress of its run.
//!
//! Not a view: not folded from events. The process that has the files renews a lease
//! in their records, and reports the progress of the run. A process that starts with
//! the files of an earlier one takes their records over. Only MongoDB's clock decides
//! on expiry, which makes the clocks of the processes irrelevant.

use std::collections::HashMap;
use std::time::Duration;

use bson::{DateTime, Document, RawArrayBuf, RawDocumentBuf, doc};
use domain::{ImportCounts, ImportId, Timestamp};
use futures::TryStreamExt;
use mongodb::Collection;
use serde::{Deserialize, Serialize};

use crate::runtime::date::date;
use crate::runtime::store::{QueryError, Store};
use crate::runtime::writes::update;

const COLLECTION: &str = "import_files";

/// Files of an import, as stored in their record.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportFileRecord {
    /// The process that has the files; `None` once they were removed.
    pub process: Option<ImportProcessName>,
    /// True if that process has renewed its lease.
    pub is_alive: bool,
    /// Layout that was detected, as JSON.
    pub detected: Option<String>,
    /// True if there are refused rows to download.
    pub has_refused: bool,
    /// Progress of the run, if there was one.
    pub progress: Option<ImportProgress>,
    /// Reason why the run waits, if it does.
    pub waiting: Option<ImportWait>,
}

/// Name of a process that has files of imports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportProcessName {
    /// Id of this start of the process. The host and the number alone do not tell two starts
    /// apart: in a container, the number is always the same.
    pub id: String,
    /// Host and number, for operators.
    pub label: String,
}

/// Progress of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportProgress {
    /// Bytes of the file up to which every row has its outcome.
    pub done: u64,
    /// Counts of the rows up to there.
    pub counts: ImportCounts,
}

/// Reason why a run waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportWait {
    /// Kind of reason.
    pub reason: ImportWaitReason,
    /// Time when the wait began.
    pub since: Timestamp,
    /// Problem in plain words.
    pub detail: String,
}

/// Kinds of reasons to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportWaitReason {
    /// Redis is short of memory, so new data is refused.
    Memory,
    /// Redis or MongoDB does not respond, or another log is in their place.
    Unavailable,
    /// The process has no memory left for further data at the moment, or others keep
    /// changing the same items.
    Busy,
    /// Another import runs.
    OtherImport,
}

impl ImportWaitReason {
    /// All kinds.
    pub const ALL: [Self; 4] = [
        Self::Memory,
        Self::Unavailable,
        Self::Busy,
        Self::OtherImport,
    ];

    /// Returns the wire name, such as `memory`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Unavailable => "unavailable",
            Self::Busy => "busy",
            Self::OtherImport => "other_import",
        }
    }
}

/// A record in the collection `import_files`.
#[derive(Deserialize)]
struct FileDocument {
    #[serde(rename = "_id")]
    id: ImportId,
    process: Option<String>,
    process_id: Option<String>,
    detected: Option<String>,
    #[serde(default)]
    has_refused: bool,
    done: Option<i64>,
    counts: Option<ImportCounts>,
    waiting: Option<WaitDocument>,
    /// Not in the record: computed by MongoDB, so that its clock decides.
    is_alive: bool,
}

#[derive(Deserialize)]
struct WaitDocument {
    reason: ImportWaitReason,
    since: DateTime,
    detail: String,
}

impl Store {
    /// Records that this process has the files of an import, with a lease of this
    /// duration. Keeps the progress of an earlier process that had them.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn put_import_file(
        &self,
        id: &ImportId,
        process: &ImportProcessName,
        detected: Option<&str>,
        lease: Duration,
    ) -> Result<(), QueryError> {
        let set = doc! {
            "process": {"$literal": &process.label},
            "process_id": {"$literal": &process.id},
            "detected": {"$literal": detected},
            "lease_until": time_from_now(lease),
        };
        let statement = doc! {
            "q": {"_id": id.as_str()},
            "u": [{"$set": set}],
            "upsert": true,
        };
        self.write_import_files(&statement).await
    }

    /// Renews the lease of this process on the files that it has.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn renew_import_files(
        &self,
        process: &ImportProcessName,
        imports: &[ImportId],
        lease: Duration,
    ) -> Result<(), QueryError> {
        let ids: Vec<&str> = imports.iter().map(ImportId::as_str).collect();
        let statement = doc! {
            "q": {"_id": {"$in": ids}, "process_id": &process.id},
            "u": [{"$set": {"lease_until": time_from_now(lease)}}],
            "multi": true,
        };
        self.write_import_files(&statement).await
    }

    /// Records the progress of a run, and what it waits for.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn report_import(
        &self,
        id: &ImportId,
        progress: ImportProgress,
        waiting: Option<&ImportWait>,
    ) -> Result<(), QueryError> {
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let counts = progress.counts;
        let mut set = doc! {
            "done": count(progress.done),
            "counts": {
                "rows": count(counts.rows),
                "read": count(counts.read),
                "created": count(counts.created),
                "updated": count(counts.updated),
                "unchanged": count(counts.unchanged),
                "stale": count(counts.stale),
                "refused": count(counts.refused),
                "repeated": count(counts.repeated),
                "skipped": count(counts.skipped),
                "ambiguous_times": count(counts.ambiguous_times),
                "still_unsubscribed": count(counts.still_unsubscribed),
            },
            "has_refused": counts.refused > 0,
        };
        let waiting = match waiting {
            Some(waiting) => doc! {
                "reason": waiting.reason.name(),
                "since": date(waiting.since),
                "detail": {"$literal": &waiting.detail},
            }
            .into(),
            None => bson::Bson::Null,
        };
        set.insert("waiting", waiting);
        let statement = doc! {"q": {"_id": id.as_str()}, "u": [{"$set": set}]};
        self.write_import_files(&statement).await
    }

    /// Records that the files of an import were removed, and keeps its progress.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn forget_import_files(&self, id: &ImportId) -> Result<(), QueryError> {
        let none = doc! {"has_refused": false, "process": bson::Bson::Null, "process_id": bson::Bson::Null};
        let statement = doc! {"q": {"_id": id.as_str()}, "u": [{"$set": none}]};
        self.write_import_files(&statement).await
    }

    /// Deletes the record of an import's files.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn delete_import_file(&self, id: &ImportId) -> Result<(), QueryError> {
        let files = self.import_file_collection();
        files.delete_one(doc! {"_id": id.as_str()}).await?;
        Ok(())
    }

    /// Returns the records of the files of these imports.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn import_files(
        &self,
        ids: &[&ImportId],
    ) -> Result<HashMap<ImportId, ImportFileRecord>, QueryError> {
        let ids: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
        let stages = [
            doc! {"$match": {"_id": {"$in": ids}}},
            doc! {"$set": {"is_alive": {"$gt": ["$lease_until", "$$NOW"]}}},
        ];
        let files = self.import_file_collection();
        let found = files.aggregate(stages).with_type::<FileDocument>().await?;
        let found = found.map_ok(|found| (found.id.clone(), ImportFileRecord::from(found)));
        Ok(found.try_collect().await?)
    }

    async fn write_import_files(&self, statement: &Document) -> Result<(), QueryError> {
        let mut statements = RawArrayBuf::new();
        let statement = RawDocumentBuf::try_from(statement);
        statements.push(statement.map_err(mongodb::error::Error::from)?);
        update(self.database(), COLLECTION, statements).await?;
        Ok(())
    }

    fn import_file_collection(&self) -> Collection<Document> {
        self.database().collection(COLLECTION)
    }
}

/// Returns an expression for the time this much later than now, by MongoDB's
/// clock.
fn time_from_now(time: Duration) -> Document {
    let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    doc! {"$add": ["$$NOW", millis]}
}

impl From<FileDocument> for ImportFileRecord {
    fn from(file: FileDocument) -> Self {
        let progress = file.counts.map(|counts| ImportProgress {
            done: file.done.and_then(|done| done.try_into().ok()).unwrap_or(0),
            counts,
        });
        let waiting = file.waiting.map(|waiting| ImportWait {
            reason: waiting.reason,
            since: waiting.since.to_chrono().into(),
            detail: waiting.detail,
        });
        // The record of an earlier version of the program has no id, which no process has.
        let process = file.process.map(|label| ImportProcessName {
            id: file.process_id.unwrap_or_default(),
            label,
        });
        Self {
            process,
            is_alive: file.is_alive,
            detected: file.detected,
            has_refused: file.has_refused,
            progress,
            waiting,
        }
    }
}
