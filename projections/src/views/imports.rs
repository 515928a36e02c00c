//! The view `imports`.

use bson::{DateTime, doc};
use domain::{
    Event, ImportCounts, ImportEvent, ImportId, ImportKind, ImportStatus, ImportedFile,
    StartedImport, Subject,
};
use eventlog::Position;
use futures::TryStreamExt;
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};

use crate::runtime::date::date;
use crate::runtime::page::{Page, PageRequest};
use crate::runtime::recorded::Recorded;
use crate::runtime::store::{QueryError, Store};
use crate::runtime::view::{FoldError, View};

/// The view `imports`: one document per import. Deleted imports keep theirs, which
/// queries leave out.
pub struct Imports;

/// The current state of an import. The progress of a run is not in it, since
/// progress is not an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportDocument {
    /// Id of the import.
    pub import_id: ImportId,
    /// Status of the import.
    pub status: ImportStatus,
    /// Name of the file.
    pub file_name: String,
    /// Size of the file in bytes.
    pub bytes: i64,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Kind of data, once a run was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ImportKind>,
    /// Preset of the last run, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// Options of the last run, as JSON. A text, since the names of fields in BSON
    /// could not have every name that a column may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<String>,
    /// Counts at the end of the last run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<ImportCounts>,
    /// Reason of the failure, if the last run failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Time of the upload.
    pub created_at: DateTime,
    /// Actor that uploaded the file.
    pub created_by: String,
    /// Time when the last run was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime>,
    /// Actor that started the last run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_by: Option<String>,
    /// Time when the last run ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime>,
    /// True if the import was deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_deleted: bool,
}

impl View for Imports {
    const NAME: &'static str = "imports";
    type Document = ImportDocument;

    fn document_of(subject: &Subject, _: Position) -> Option<String> {
        match subject {
            Subject::Import(import) => Some(import.to_string()),
            _ => None,
        }
    }

    fn fold(
        document: Option<ImportDocument>,
        event: &Recorded,
    ) -> Result<ImportDocument, FoldError> {
        let (Subject::Import(id), Event::Import(happened)) = (&event.subject, &event.event) else {
            return Err(FoldError(format!("{} is not an import", event.subject)));
        };
        match (document, happened) {
            (None, ImportEvent::Uploaded(file)) => Ok(uploaded(id, file, event)),
            (None, _) => Err(FoldError(format!("{id} was never uploaded"))),
            (Some(_), ImportEvent::Uploaded(_)) => {
                Err(FoldError(format!("{id} was already uploaded")))
            }
            (Some(document), ImportEvent::Started(run)) => Ok(started(document, run, event)),
            (Some(document), ImportEvent::Finished { counts }) => {
                Ok(ended(document, ImportStatus::Finished, *counts, event))
            }
            (Some(document), ImportEvent::Stopped { counts }) => {
                Ok(ended(document, ImportStatus::Stopped, *counts, event))
            }
            (Some(document), ImportEvent::Failed(failure)) => Ok(ImportDocument {
                reason: Some(failure.reason.as_str().to_owned()),
                ..ended(document, ImportStatus::Failed, failure.counts, event)
            }),
            (Some(document), ImportEvent::Deleted {}) => Ok(ImportDocument {
                is_deleted: true,
                ..document
            }),
        }
    }

    fn indexes() -> Vec<IndexModel> {
        let newest = doc! {"created_at": -1, "_id": -1};
        vec![IndexModel::builder().keys(newest).build()]
    }
}

fn uploaded(id: &ImportId, file: &ImportedFile, event: &Recorded) -> ImportDocument {
    ImportDocument {
        import_id: id.clone(),
        status: ImportStatus::Uploaded,
        file_name: file.file_name.as_str().to_owned(),
        bytes: i64::try_from(file.bytes).unwrap_or(i64::MAX),
        sha256: file.sha256.as_str().to_owned(),
        kind: None,
        preset: None,
        options: None,
        counts: None,
        reason: None,
        created_at: date(event.metadata.at),
        created_by: event.metadata.actor.clone(),
        started_at: None,
        started_by: None,
        ended_at: None,
        is_deleted: false,
    }
}

fn started(document: ImportDocument, run: &StartedImport, event: &Recorded) -> ImportDocument {
    ImportDocument {
        status: ImportStatus::Running,
        kind: Some(run.plan.kind),
        preset: run.plan.preset.clone().map(String::from),
        options: Some(run.plan.options.to_string()),
        reason: None,
        started_at: Some(date(event.metadata.at)),
        started_by: Some(event.metadata.actor.clone()),
        ended_at: None,
        ..document
    }
}

fn ended(
    document: ImportDocument,
    status: ImportStatus,
    counts: ImportCounts,
    event: &Recorded,
) -> ImportDocument {
    ImportDocument {
        status,
        counts: Some(counts),
        ended_at: Some(date(event.metadata.at)),
        ..document
    }
}

impl Store {
    /// Returns an import that was not deleted.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn import(&self, id: &ImportId) -> Result<Option<ImportDocument>, QueryError> {
        let imports = self.serving::<ImportDocument>(Imports::NAME).await?;
        let found = imports.find_one(doc! {"_id": id.as_str()}).await?;
        Ok(found.filter(|document| !document.is_deleted))
    }

    /// Returns the imports that run, newest first: usually one at most.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn running_imports(&self) -> Result<Vec<ImportDocument>, QueryError> {
        let imports = self.serving::<ImportDocument>(Imports::NAME).await?;
        let running = doc! {"status": ImportStatus::Running.name(), "is_deleted": {"$ne": true}};
        let found = imports
            .find(running)
            .sort(doc! {"created_at": -1, "_id": -1});
        Ok(found.await?.try_collect().await?)
    }

    /// Returns a page of the imports that were not deleted, newest first.
    ///
    /// # Errors
    /// [`QueryError`] if the cursor is invalid or MongoDB does not answer.
    pub async fn imports(&self, page: &PageRequest) -> Result<Page<ImportDocument>, QueryError> {
        let place = |import: &ImportDocument| (import.created_at, import.import_id.to_string());
        let listed = doc! {"is_deleted": {"$ne": true}};
        self.newest(Imports::NAME, listed, page, place).await
    }
}

#[cfg(test)]
mod tests {
    use domain::{ImportFailure, ImportPlan};
    use serde_json::json;

    use super::*;
    use crate::views::history::{folded, history};

    fn file() -> ImportedFile {
        ImportedFile {
            file_name: "orders.csv".to_owned().try_into().unwrap(),
            bytes: 12,
            sha256: "00".to_owned().try_into().unwrap(),
        }
    }

    fn started() -> ImportEvent {
        ImportEvent::Started(Box::new(StartedImport {
            file: file(),
            plan: ImportPlan {
                kind: ImportKind::Orders,
                preset: Some("shopify-orders".to_owned().try_into().unwrap()),
                options: json!({"map": {"order_id": "$a.b"}}),
            },
            key: None,
        }))
    }

    fn counts(read: u64) -> ImportCounts {
        ImportCounts {
            read,
            ..ImportCounts::default()
        }
    }

    fn fold(events: Vec<ImportEvent>) -> Result<ImportDocument, FoldError> {
        let subject = Subject::Import("imp_1".try_into().unwrap());
        folded::<Imports>(&history(&subject, events, Event::Import))
    }

    #[test]
    fn an_upload_has_its_file() {
        let document = fold(vec![ImportEvent::Uploaded(file())]).unwrap();
        assert_eq!(document.status, ImportStatus::Uploaded);
        assert_eq!(
            (document.file_name.as_str(), document.bytes),
            ("orders.csv", 12)
        );
        assert_eq!(document.created_by, "key:1");
        assert_eq!((document.kind, document.counts), (None, None));
    }

    #[test]
    fn a_run_has_its_options_and_its_end() {
        let failed = ImportEvent::Failed(ImportFailure {
            reason: "the disk failed".to_owned().try_into().unwrap(),
            counts: counts(3),
        });
        let document = fold(vec![
            ImportEvent::Uploaded(file()),
            started(),
            failed.clone(),
        ])
        .unwrap();
        assert_eq!(document.status, ImportStatus::Failed);
        assert_eq!(document.preset.as_deref(), Some("shopify-orders"));
        assert_eq!(
            document.options.as_deref(),
            Some(r#"{"map":{"order_id":"$a.b"}}"#)
        );
        assert_eq!(document.reason.as_deref(), Some("the disk failed"));
        assert_eq!(document.counts, Some(counts(3)));
        assert_eq!(document.ended_at, Some(DateTime::from_millis(3_000)));

        let again = vec![ImportEvent::Uploaded(file()), started(), failed, started()];
        let document = fold(again).unwrap();
        assert_eq!(document.status, ImportStatus::Running);
        assert_eq!((document.reason, document.ended_at), (None, None));
        assert_eq!(document.started_by.as_deref(), Some("key:4"));
    }

    #[test]
    fn a_deleted_import_keeps_its_document() {
        let document = fold(vec![ImportEvent::Uploaded(file()), ImportEvent::Deleted {}]).unwrap();
        assert!(document.is_deleted);
    }

    #[test]
    fn contradicting_events_are_rejected() {
        assert!(
            fold(vec![
                ImportEvent::Uploaded(file()),
                ImportEvent::Uploaded(file())
            ])
            .is_err()
        );
        assert!(fold(vec![ImportEvent::Deleted {}]).is_err());
    }
}
