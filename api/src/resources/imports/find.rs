//! Look-ups of imports, and the refusals that they lead to.

use std::sync::Arc;

use domain::{Import, ImportError, ImportId, ImportStatus, ImportedFile};
use eventlog::Position;

use super::folder::ImportFolder;
use crate::http::problem::{Problem, ProblemKind};
use crate::state::AppContext;

/// An import as its head has it.
pub(super) struct CurrentImport {
    pub(super) file: ImportedFile,
    pub(super) status: ImportStatus,
    /// The aggregate, for decisions.
    pub(super) import: Import,
    /// Position of its last event.
    pub(super) last: Position,
}

/// Returns the current state of an import from its head.
///
/// # Errors
/// 404 if there is no such import, or it was deleted.
pub(super) async fn current(app: &AppContext, id: &ImportId) -> Result<CurrentImport, Problem> {
    let current = app.commands.import(id).await?;
    let found = current.and_then(|(import, last)| {
        Some(CurrentImport {
            file: import.file()?.clone(),
            status: import.status()?,
            import,
            last,
        })
    });
    found.ok_or_else(|| unknown(id))
}

/// Returns the folder with the uploaded file.
///
/// # Errors
/// 409 that names the process that has the file, if it is another one; 503 if this
/// process has just started, and does not know yet which files it has.
pub(super) async fn require_file(
    app: &AppContext,
    id: &ImportId,
) -> Result<Arc<ImportFolder>, Problem> {
    match app.imports.folder_of(id) {
        Some(folder) => Ok(folder),
        None => Err(not_here(app, id).await),
    }
}

/// Returns the problem with a file that is not on this process's disk: 409, or 503 while
/// the process has not listed its files yet.
pub(super) async fn not_here(app: &AppContext, id: &ImportId) -> Problem {
    // First: the record may be of an earlier start of this process.
    if let Err(problem) = app.imports.require_folder_if_any() {
        return problem;
    }
    let records = match app.store.import_files(&[id]).await {
        Ok(records) => records,
        Err(error) => return error.into(),
    };
    let record = records.get(id);
    let process = record.and_then(|record| record.process.as_ref());
    let is_here = process.is_some_and(|process| process.id == app.imports.process().id);
    let is_alive = record.is_some_and(|record| record.is_alive);
    let detail = match process {
        Some(process) if is_alive && !is_here => format!(
            "{} has the file, and only that process can do this; send the request there",
            process.label
        ),
        Some(_) if is_here => format!("the file of {id} is no longer here; upload it again"),
        Some(process) => format!(
            "{} had the file and no longer responds; start a process with the same \
             PATRON_IMPORT_DIR, or upload the file again",
            process.label
        ),
        None if record.is_some() => format!(
            "the file of {id} was removed, since the import has finished or was not used for \
             seven days; upload it again"
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
            let detail = "this idempotency key was used before for another request";
            Problem::new(ProblemKind::IdempotencyConflict, detail)
        }
        ImportError::Impossible(_) => {
            Problem::new(ProblemKind::ImpossibleTransition, error.to_string())
        }
    }
}
