//! Import aggregate: a file that was uploaded, and its run.
//!
//! The rows of the file are recorded as customers, orders and activities like any
//! other. This aggregate records who uploaded which file, who ran it with which
//! options, and how each run ended. Progress within a run is not an event.

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Text;
use crate::digest::digest;

/// Commands on an import. A command whose effect is already in place makes no
/// event.
#[derive(Debug, Clone)]
pub enum ImportCommand {
    /// Records a file that was uploaded.
    Upload(ImportedFile),
    /// Starts a run, or continues one that was stopped or has failed.
    Start {
        /// How the file is read.
        plan: Box<ImportPlan>,
        /// Digest of the idempotency key with which the start may be repeated.
        key: Option<u64>,
    },
    /// Records that every row of the file was sent.
    Finish(ImportCounts),
    /// Records that a person stopped the run.
    Stop(ImportCounts),
    /// Records that the run cannot continue.
    Fail(ImportFailure),
    /// Removes the import and its files.
    Delete,
}

/// A file as it was uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedFile {
    /// Name that the file had where it was uploaded from, without its folder.
    pub file_name: Text<256>,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the content, in hexadecimal.
    pub sha256: Text<64>,
}

/// Kind of data that a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportKind {
    /// Customers.
    Customers,
    /// Orders.
    Orders,
    /// Activity.
    Events,
}

impl ImportKind {
    /// All values.
    pub const ALL: [Self; 3] = [Self::Customers, Self::Orders, Self::Events];

    /// Returns the wire name, such as `orders`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Orders => "orders",
            Self::Events => "events",
        }
    }
}

/// How a file is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportPlan {
    /// Kind of data in the file.
    pub kind: ImportKind,
    /// Name of the preset, if one was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Text<64>>,
    /// Options of the importer, as a JSON object.
    pub options: Value,
}

/// Counts of the records of a file by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ImportCounts {
    /// Rows of the file that were read.
    pub rows: u64,
    /// Records that they consist of: one per row, or one per order.
    pub read: u64,
    /// Items that were new.
    pub created: u64,
    /// Items that were known with other content.
    pub updated: u64,
    /// Items that were known with the same content.
    pub unchanged: u64,
    /// Items that were older than what is recorded.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub stale: u64,
    /// Orders that were moved to another customer before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub moved: u64,
    /// Records that were refused.
    pub refused: u64,
    /// Records that an earlier one of the file equals.
    pub repeated: u64,
    /// Records that the options leave out, such as failed payments.
    pub skipped: u64,
    /// Local times that clocks showed twice, of which the first is meant.
    pub ambiguous_times: u64,
    /// Customers who stay unsubscribed, since the file proves no consent after their opt-out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub still_unsubscribed: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// End of a run that cannot continue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportFailure {
    /// Reason, for a person.
    pub reason: Text<1024>,
    /// Counts up to the failure.
    pub counts: ImportCounts,
}

/// Start of a run: the file, and how it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartedImport {
    /// File that is imported.
    pub file: ImportedFile,
    /// How it is read.
    #[serde(flatten)]
    pub plan: ImportPlan,
    /// Digest of the idempotency key with which the start may be repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<u64>,
}

/// Event of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImportEvent {
    /// A file was uploaded.
    #[serde(rename = "import_uploaded.1")]
    Uploaded(ImportedFile),
    /// A run was started or continued.
    #[serde(rename = "import_started.1")]
    Started(Box<StartedImport>),
    /// Every row of the file was sent.
    #[serde(rename = "import_finished.1")]
    Finished {
        /// Counts of all rows.
        counts: ImportCounts,
    },
    /// A person stopped the run.
    #[serde(rename = "import_stopped.1")]
    Stopped {
        /// Counts up to the stop.
        counts: ImportCounts,
    },
    /// The run could not continue.
    #[serde(rename = "import_failed.1")]
    Failed(ImportFailure),
    /// The import and its files were removed.
    #[serde(rename = "import_deleted.1")]
    Deleted {},
}

/// Status of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportStatus {
    /// The file was uploaded and never run.
    Uploaded,
    /// A process sends the rows.
    Running,
    /// Every row was sent.
    Finished,
    /// A person stopped the run; it can be continued.
    Stopped,
    /// The run could not continue; it can be started again.
    Failed,
}

impl ImportStatus {
    /// All values.
    pub const ALL: [Self; 5] = [
        Self::Uploaded,
        Self::Running,
        Self::Finished,
        Self::Stopped,
        Self::Failed,
    ];

    /// Returns the wire name, such as `running`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uploaded => "uploaded",
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

/// Reason why a command on an import is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// There is no such import, or it was deleted.
    #[error("there is no such import")]
    NotFound,
    /// An import with this id has another file, or a start with this key another plan.
    #[error("the import has another file or plan")]
    Conflict,
    /// The status of the import does not permit the command.
    #[error("the import is {}", .0.name())]
    Impossible(ImportStatus),
}

/// Import aggregate; empty until a file is uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Import(Option<ImportState>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ImportState {
    file: ImportedFile,
    /// `None` if the import was deleted.
    status: Option<ImportStatus>,
    /// The last start, if it may be repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<RepeatableStart>,
}

/// A start with an idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct RepeatableStart {
    /// Digest of the key.
    key: u64,
    /// Digest of the plan.
    plan: u64,
}

impl Import {
    /// Returns the file; `None` if there is no import, or it was deleted.
    pub fn file(&self) -> Option<&ImportedFile> {
        let state = self.0.as_ref()?;
        state.status.map(|_| &state.file)
    }

    /// Returns the status; `None` if there is no import, or it was deleted.
    pub fn status(&self) -> Option<ImportStatus> {
        self.0.as_ref()?.status
    }

    /// Returns the event that a command makes, if it makes one.
    ///
    /// # Errors
    /// [`ImportError`] if there is no import, or its status does not permit the
    /// command.
    pub fn decide(&self, command: ImportCommand) -> Result<Option<ImportEvent>, ImportError> {
        use ImportStatus::{Failed, Finished, Running, Stopped, Uploaded};
        let Some(state) = &self.0 else {
            return match command {
                ImportCommand::Upload(file) => Ok(Some(ImportEvent::Uploaded(file))),
                _ => Err(ImportError::NotFound),
            };
        };
        let status = match (state.status, &command) {
            (None, ImportCommand::Delete) => return Ok(None),
            (None, _) => return Err(ImportError::NotFound),
            (Some(status), _) => status,
        };
        Ok(match (command, status) {
            (ImportCommand::Upload(file), _) if file == state.file => None,
            (ImportCommand::Upload(_), _) => return Err(ImportError::Conflict),
            (ImportCommand::Start { plan, key }, _) if state.is_started_with(key) => {
                match state.start.is_some_and(|start| start.plan == digest(&plan)) {
                    true => None,
                    false => return Err(ImportError::Conflict),
                }
            }
            (ImportCommand::Start { plan, key }, Uploaded | Stopped | Failed) => {
                let file = state.file.clone();
                Some(ImportEvent::Started(Box::new(StartedImport {
                    file,
                    plan: *plan,
                    key,
                })))
            }
            (ImportCommand::Finish(counts), Running) => Some(ImportEvent::Finished { counts }),
            (ImportCommand::Finish(_), Finished) => None,
            (ImportCommand::Stop(counts), Running) => Some(ImportEvent::Stopped { counts }),
            (ImportCommand::Stop(_), Stopped) => None,
            (ImportCommand::Fail(failure), Running) => Some(ImportEvent::Failed(failure)),
            (ImportCommand::Fail(_), Failed) => None,
            (ImportCommand::Delete, Uploaded | Finished | Stopped | Failed) => {
                Some(ImportEvent::Deleted {})
            }
            (_, status) => return Err(ImportError::Impossible(status)),
        })
    }
}

impl ImportState {
    /// Returns true if the last start had this key.
    fn is_started_with(&self, key: Option<u64>) -> bool {
        key.is_some() && self.start.map(|start| start.key) == key
    }
}

impl Aggregate for Import {
    const TYPE: &'static str = "import";
    type Command = ImportCommand;
    type Event = ImportEvent;
    type Error = ImportError;
    type Services = ();

    async fn handle(
        &mut self,
        command: ImportCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), ImportError> {
        if let Some(event) = self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: ImportEvent) {
        let status = match event {
            ImportEvent::Uploaded(file) => {
                let status = Some(ImportStatus::Uploaded);
                self.0 = Some(ImportState {
                    file,
                    status,
                    start: None,
                });
                return;
            }
            ImportEvent::Started(run) => {
                let plan = digest(&run.plan);
                let start = run.key.map(|key| RepeatableStart { key, plan });
                if let Some(state) = &mut self.0 {
                    state.start = start;
                }
                Some(ImportStatus::Running)
            }
            ImportEvent::Finished { .. } => Some(ImportStatus::Finished),
            ImportEvent::Stopped { .. } => Some(ImportStatus::Stopped),
            ImportEvent::Failed(_) => Some(ImportStatus::Failed),
            ImportEvent::Deleted {} => None,
        };
        // The first event is the upload, so there is a state.
        if let Some(state) = &mut self.0 {
            state.status = status;
        }
    }
}

#[cfg(test)]
mod tests {
    use cqrs_es::test::TestFramework;
    use serde_json::json;

    use super::*;

    type ImportTest = TestFramework<Import>;

    fn file(sha256: &str) -> ImportedFile {
        ImportedFile {
            file_name: "orders.csv".to_owned().try_into().unwrap(),
            bytes: 12,
            sha256: sha256.to_owned().try_into().unwrap(),
        }
    }

    fn plan() -> Box<ImportPlan> {
        Box::new(ImportPlan {
            kind: ImportKind::Orders,
            preset: None,
            options: json!({"delimiter": ";"}),
        })
    }

    fn uploaded() -> Vec<ImportEvent> {
        vec![ImportEvent::Uploaded(file("00"))]
    }

    fn started() -> ImportEvent {
        ImportEvent::Started(Box::new(StartedImport {
            file: file("00"),
            plan: *plan(),
            key: None,
        }))
    }

    fn start(key: Option<u64>) -> ImportCommand {
        let plan = plan();
        ImportCommand::Start { plan, key }
    }

    fn after(events: impl IntoIterator<Item = ImportEvent>) -> Vec<ImportEvent> {
        uploaded().into_iter().chain(events).collect()
    }

    fn failure() -> ImportFailure {
        ImportFailure {
            reason: "the disk failed".to_owned().try_into().unwrap(),
            counts: counts(1),
        }
    }

    fn counts(read: u64) -> ImportCounts {
        ImportCounts {
            read,
            ..ImportCounts::default()
        }
    }

    #[test]
    fn the_same_upload_is_recorded_once_and_another_file_is_refused() {
        ImportTest::with(())
            .given_no_previous_events()
            .when(ImportCommand::Upload(file("00")))
            .then_expect_events(uploaded());
        ImportTest::with(())
            .given(uploaded())
            .when(ImportCommand::Upload(file("00")))
            .then_expect_events(vec![]);
        ImportTest::with(())
            .given(uploaded())
            .when(ImportCommand::Upload(file("ff")))
            .then_expect_error(ImportError::Conflict);
    }

    #[test]
    fn a_run_starts_unless_it_is_running_or_finished() {
        for end in [
            None,
            Some(ImportEvent::Stopped { counts: counts(1) }),
            Some(ImportEvent::Failed(failure())),
        ] {
            let before = end.map(|end| vec![started(), end]).unwrap_or_default();
            ImportTest::with(())
                .given(after(before))
                .when(start(None))
                .then_expect_events(vec![started()]);
        }
        ImportTest::with(())
            .given(after([started()]))
            .when(start(None))
            .then_expect_error(ImportError::Impossible(ImportStatus::Running));
        ImportTest::with(())
            .given(after([
                started(),
                ImportEvent::Finished { counts: counts(1) },
            ]))
            .when(start(None))
            .then_expect_error(ImportError::Impossible(ImportStatus::Finished));
    }

    #[test]
    fn a_start_with_a_key_is_made_once() {
        let started = ImportEvent::Started(Box::new(StartedImport {
            file: file("00"),
            plan: *plan(),
            key: Some(7),
        }));
        ImportTest::with(())
            .given(uploaded())
            .when(start(Some(7)))
            .then_expect_events(vec![started.clone()]);
        for end in [None, Some(ImportEvent::Finished { counts: counts(1) })] {
            let events = || after([started.clone()].into_iter().chain(end.clone()));
            ImportTest::with(())
                .given(events())
                .when(start(Some(7)))
                .then_expect_events(vec![]);
            let plan = Box::new(ImportPlan {
                kind: ImportKind::Events,
                ..*plan()
            });
            ImportTest::with(())
                .given(events())
                .when(ImportCommand::Start { plan, key: Some(7) })
                .then_expect_error(ImportError::Conflict);
            let status = end
                .as_ref()
                .map_or(ImportStatus::Running, |_| ImportStatus::Finished);
            ImportTest::with(())
                .given(events())
                .when(start(Some(8)))
                .then_expect_error(ImportError::Impossible(status));
        }
    }

    #[test]
    fn a_run_ends_once() {
        let finished = ImportEvent::Finished { counts: counts(2) };
        ImportTest::with(())
            .given(after([started()]))
            .when(ImportCommand::Finish(counts(2)))
            .then_expect_events(vec![finished.clone()]);
        ImportTest::with(())
            .given(after([started(), finished.clone()]))
            .when(ImportCommand::Finish(counts(3)))
            .then_expect_events(vec![]);
        ImportTest::with(())
            .given(after([started(), finished]))
            .when(ImportCommand::Stop(counts(1)))
            .then_expect_error(ImportError::Impossible(ImportStatus::Finished));
        ImportTest::with(())
            .given(after([started(), ImportEvent::Failed(failure())]))
            .when(ImportCommand::Fail(failure()))
            .then_expect_events(vec![]);
        ImportTest::with(())
            .given(uploaded())
            .when(ImportCommand::Stop(counts(0)))
            .then_expect_error(ImportError::Impossible(ImportStatus::Uploaded));
    }

    #[test]
    fn a_running_import_is_not_deleted_and_a_deleted_one_is_gone() {
        ImportTest::with(())
            .given(after([started()]))
            .when(ImportCommand::Delete)
            .then_expect_error(ImportError::Impossible(ImportStatus::Running));
        ImportTest::with(())
            .given(uploaded())
            .when(ImportCommand::Delete)
            .then_expect_events(vec![ImportEvent::Deleted {}]);
        ImportTest::with(())
            .given(after([ImportEvent::Deleted {}]))
            .when(ImportCommand::Delete)
            .then_expect_events(vec![]);
        ImportTest::with(())
            .given(after([ImportEvent::Deleted {}]))
            .when(start(None))
            .then_expect_error(ImportError::NotFound);
        ImportTest::with(())
            .given_no_previous_events()
            .when(ImportCommand::Delete)
            .then_expect_error(ImportError::NotFound);
    }
}
