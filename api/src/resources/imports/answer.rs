//! Response bodies of imports.

use domain::{ImportCounts, ImportId, ImportKind, ImportStatus, Timestamp};
use projections::imports::{ImportDocument, Imports};
use projections::{ImportFileRecord, ImportWait, ImportWaitReason};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::detected::DetectedLayout;
use crate::http::schema;
use crate::resources::shared::quarantined::{Quarantined, ShowsDocument};
use crate::state::AppContext;

/// An import: a file that was uploaded, and its run.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Import)]
pub(super) struct ImportResponse {
    /// The import's id.
    #[schema(value_type = schema::ImportId)]
    pub(super) import_id: ImportId,
    /// `uploaded`; `running`; `finished`; `stopped` by a person, or `failed` with a
    /// `reason`. The last two can be run again.
    #[schema(value_type = schema::ImportStatus)]
    pub(super) status: ImportStatus,
    /// Name of the file.
    #[schema(example = "orders_export.csv")]
    pub(super) file_name: String,
    /// Size of the file in bytes.
    #[schema(example = 1_048_576)]
    pub(super) bytes: u64,
    /// SHA-256 of the file in hexadecimal.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub(super) sha256: String,
    /// Layout that was detected from the beginning of the file; `null` if none was. Absent
    /// from events `progress`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DetectedLayout>, required = false)]
    pub(super) detected: Option<Option<Box<RawValue>>>,
    /// The process that has files of the import; `null` if none does.
    pub(super) process: Option<ImportProcess>,
    /// Kind of data of the last run; `null` before the first one.
    #[schema(value_type = Option<schema::ImportKind>)]
    pub(super) kind: Option<ImportKind>,
    /// Preset of the last run, if it had one.
    #[schema(example = "shopify-orders")]
    pub(super) preset: Option<String>,
    /// Options of the last run; `null` before the first one. Absent from lists and from
    /// events `progress`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<super::body::ImportOptionsSchema>, required = false)]
    pub(super) options: Option<Option<Box<RawValue>>>,
    /// Progress of the run; `null` before the first one. While the import runs, it is
    /// about a second old.
    pub(super) progress: Option<ProgressResponse>,
    /// Reason why the run waits at the moment; `null` if it does not.
    pub(super) waiting_for: Option<WaitResponse>,
    /// Reason of the failure; `null` unless the status is `failed`.
    #[schema(example = "the file cannot be read")]
    pub(super) reason: Option<String>,
    /// True if refused rows can be downloaded. They are kept for seven days after they
    /// were written.
    pub(super) has_refused_rows: bool,
    /// Time of the upload.
    #[schema(value_type = schema::Time)]
    pub(super) created_at: Timestamp,
    /// The actor who uploaded the file.
    #[schema(example = "key:bootstrap")]
    pub(super) created_by: String,
    /// Time at which the last run was started; `null` before the first one.
    #[schema(value_type = Option<schema::Time>)]
    pub(super) started_at: Option<Timestamp>,
    /// The actor who started the last run, who is the actor of the recorded data too.
    #[schema(example = "key:bootstrap")]
    pub(super) started_by: Option<String>,
    /// Time at which the last run ended; `null` before that. The `status` does not wait for
    /// the view, so this time may follow a moment later.
    #[schema(value_type = Option<schema::Time>)]
    pub(super) ended_at: Option<Timestamp>,
    /// The quarantined event of this import; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) quarantined: Option<Quarantined>,
}

/// The process that has the file of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct ImportProcess {
    /// Host and process id.
    #[schema(example = "api-1/4242")]
    pub(super) name: String,
    /// True if this is the process that answered.
    pub(super) is_this: bool,
    /// True if the process has reported in the last 15 seconds. Otherwise the import
    /// continues once a process is started with the same directory.
    pub(super) is_alive: bool,
}

/// Progress of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ImportProgress)]
pub(super) struct ProgressResponse {
    /// Bytes of the file up to which every row has its outcome.
    #[schema(example = 524_288)]
    done_bytes: u64,
    /// Number of rows that were read.
    #[schema(example = 12)]
    rows: u64,
    /// Number of records that they consist of: one per row, or one per order.
    #[schema(example = 9)]
    pub(super) read: u64,
    /// Number of items that were new.
    #[schema(example = 6)]
    created: u64,
    /// Number of items that replaced others with the same id.
    #[schema(example = 0)]
    updated: u64,
    /// Number of items that were recorded before with the same content.
    #[schema(example = 2)]
    unchanged: u64,
    /// Number of items that were older than what is recorded, by their `updated_at`; they
    /// change nothing.
    #[schema(example = 0)]
    stale: u64,
    /// Number of orders that were moved to another customer before, which change nothing.
    #[schema(example = 0)]
    moved: u64,
    /// Number of records that were refused.
    #[schema(example = 1)]
    pub(super) refused: u64,
    /// Number of records that an earlier one of the file equals; they are not sent.
    #[schema(example = 0)]
    repeated: u64,
    /// Number of records that the options leave out, such as failed payments.
    #[schema(example = 0)]
    skipped: u64,
    /// Number of local times that clocks showed twice; the first is meant.
    #[schema(example = 0)]
    ambiguous_times: u64,
    /// Number of customers who stay unsubscribed, since the file proves no consent after their
    /// opt-out: it has no later `consent_at`.
    #[schema(example = 0)]
    still_unsubscribed: u64,
}

/// Reason why a run waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ImportWaiting)]
pub(super) struct WaitResponse {
    /// `memory`: Redis is short of memory; `unavailable`: Redis or MongoDB does not
    /// respond; `busy`: others keep the process busy; `other_import`: another import
    /// runs.
    #[schema(value_type = schema::ImportWaitReason)]
    reason: ImportWaitReason,
    /// Time at which the wait began.
    #[schema(value_type = schema::Time)]
    since: Timestamp,
    /// The problem in plain words.
    #[schema(example = "the log has no memory left for new data; retry later")]
    detail: String,
}

impl ProgressResponse {
    pub(super) fn new(done_bytes: u64, counts: ImportCounts) -> Self {
        Self {
            done_bytes,
            rows: counts.rows,
            read: counts.read,
            created: counts.created,
            updated: counts.updated,
            unchanged: counts.unchanged,
            stale: counts.stale,
            moved: counts.moved,
            refused: counts.refused,
            repeated: counts.repeated,
            skipped: counts.skipped,
            ambiguous_times: counts.ambiguous_times,
            still_unsubscribed: counts.still_unsubscribed,
        }
    }
}

impl From<ImportWait> for WaitResponse {
    fn from(waiting: ImportWait) -> Self {
        Self {
            reason: waiting.reason,
            since: waiting.since,
            detail: waiting.detail,
        }
    }
}

impl ImportProcess {
    /// Describes this process.
    pub(super) fn of_this(app: &AppContext) -> Self {
        Self {
            name: app.imports.process().label.clone(),
            is_this: true,
            is_alive: true,
        }
    }

    /// Describes the process of a record to the readers of this process's answers.
    pub(super) fn new(app: &AppContext, record: &ImportFileRecord) -> Option<Self> {
        let process = record.process.as_ref()?;
        let is_this = app.imports.process().id == process.id;
        Some(Self {
            name: process.label.clone(),
            is_this,
            // This process answers, whatever its lease says.
            is_alive: is_this || record.is_alive,
        })
    }
}

impl ImportResponse {
    /// Builds the response from the view's document and the record of the file.
    pub(super) fn new(
        app: &AppContext,
        document: ImportDocument,
        record: Option<ImportFileRecord>,
    ) -> Self {
        let is_running = document.status == ImportStatus::Running;
        let bytes = u64::try_from(document.bytes).unwrap_or_default();
        let reported = record.as_ref().and_then(|record| record.progress);
        let done = match document.status {
            ImportStatus::Finished => bytes,
            _ => reported.map_or(0, |progress| progress.done),
        };
        // The event has the final counts; the report of a run is newer than those of the
        // run before it.
        let counts = match is_running {
            true => reported.map(|progress| progress.counts),
            false => document.counts,
        };
        let progress = counts.map(|counts| ProgressResponse::new(done, counts));
        let process = record
            .as_ref()
            .and_then(|record| ImportProcess::new(app, record));
        let has_refused_rows = record.as_ref().is_some_and(|record| record.has_refused);
        let (detected, waiting) = match record {
            Some(record) => (record.detected, record.waiting.filter(|_| is_running)),
            None => (None, None),
        };
        Self {
            import_id: document.import_id,
            status: document.status,
            file_name: document.file_name,
            bytes,
            sha256: document.sha256,
            detected: Some(detected.and_then(json)),
            process,
            kind: document.kind,
            preset: document.preset,
            options: Some(document.options.and_then(json)),
            progress,
            waiting_for: waiting.map(WaitResponse::from),
            reason: document.reason,
            has_refused_rows,
            created_at: document.created_at.to_chrono().into(),
            created_by: document.created_by,
            started_at: document.started_at.map(|at| at.to_chrono().into()),
            started_by: document.started_by,
            ended_at: document.ended_at.map(|at| at.to_chrono().into()),
            quarantined: None,
        }
    }
}

impl ImportResponse {
    /// Leaves out what a list need not have.
    pub(super) fn for_list(self) -> Self {
        let detected = self.detected.map(|detected| {
            let layout: DetectedLayout = serde_json::from_str(detected?.get()).ok()?;
            serde_json::value::to_raw_value(&layout.for_list()).ok()
        });
        Self {
            detected,
            options: None,
            ..self
        }
    }

    /// Leaves out what does not change while the import runs.
    pub(super) fn for_progress(self) -> Self {
        Self {
            detected: None,
            options: None,
            ..self
        }
    }
}

/// Returns stored JSON; `None` if it is none, which this program never stores.
pub(super) fn json(text: String) -> Option<Box<RawValue>> {
    let json = RawValue::from_string(text);
    json.inspect_err(|error| tracing::error!(%error, "stored JSON of an import is not valid"))
        .ok()
}

impl ShowsDocument for ImportResponse {
    type View = Imports;

    fn document_id(&self) -> String {
        self.import_id.to_string()
    }

    fn set_quarantined(&mut self, quarantined: Quarantined) {
        self.quarantined = Some(quarantined);
    }
}
