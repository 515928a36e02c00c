//! Look-ups of imports, and the refusals that they lead to.

use std::sync::Arc;

use domain::{Import, ImportError, ImportId, ImportStatus, ImportedFile};

use super::folder::ImportFolder;
use crate::http::problem::{Problem, ProblemKind};
use crate::state::AppContext;

/// An import as its head has it.
pub(super) struct CurrentImport {
    pub(super) file: ImportedFile,
    pub(super) status: ImportStatus,
}

/// Returns the current state of an import from its head.
///
/// # Errors
/// 404 if there is no such import, or it was deleted.
pub(super) async fn current(app: &AppContext, id: &ImportId) -> Result<CurrentImport, Problem> {
    let import = app.commands.import(id).await?;
    let found = import.as_ref().and_then(|import: &Import| {
        Some(CurrentImport {
            file: import.file()?.clone(),
            status: import.status()?,
        })
    });
    found.ok_or_else(|| unknown(id))
}

/// Returns the folder with the uploaded file.
///
/// # Errors
/// 409 that names the process that has the file, if it is another one; 503 if this
/// process does not know yet which files it has.
pub(super) async fn require_file(
    app: &AppContext,
    id: &ImportId,
) -> Result<Arc<ImportFolder>, Problem> {
    match app.imports.folder_of(id) {
        Some(folder) => Ok(folder),
        None => Err(elsewhere(app, id).await),
    }
}

/// Returns the problem of files that this process does not have.
pub(super) async fn elsewhere(app: &AppContext, id: &ImportId) -> Problem {
    let records = match app.store.import_files(&[id]).await {
        Ok(records) => records,
        Err(error) => return error.into(),
    };
    let detail = match records.get(id) {
        Some(record) if record.process == app.imports.process() => {
            format!("the file of {id} is no longer here; upload it again")
        }
        Some(record) if record.is_alive => format!(
            "{} has the file, and only that process can do this; send the request there",
            record.process
        ),
        Some(record) => format!(
            "{} had the file and no longer responds; start a process with the same \
             PATRON_IMPORT_DIR, or upload the file again",
            record.process
        ),
        None => format!("no process has reported the file of {id}; upload it again"),
    };
    Problem::new(ProblemKind::OtherProcess, detail)
}

/// Returns the problem of an import that was never uploaded, was deleted, or is not in
/// the view yet.
pub(super) fn unknown(id: &ImportId) -> Problem {
    let detail = format!("there is no import {id}");
    Problem::new(ProblemKind::NotFound, detail)
}

/// Returns the problem of a command that was rejected.
pub(super) fn refused(id: &ImportId, error: &ImportError) -> Problem {
    match error {
        ImportError::NotFound => unknown(id),
        ImportError::Conflict => {
            let detail = "this idempotency key was used before for another file";
            Problem::new(ProblemKind::IdempotencyConflict, detail)
        }
        ImportError::Impossible(_) => {
            Problem::new(ProblemKind::ImpossibleTransition, error.to_string())
        }
    }
}
