//! Errors of an import.

use std::error::Error;
use std::io;
use std::path::PathBuf;

/// Reason why an import cannot start or continue.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// An option does not fit the resource, the file or another option.
    #[error("{0}")]
    Options(String),
    /// The file cannot be read as a table or NDJSON with these options.
    #[error("{}: {reason}", path.display())]
    Layout {
        /// Imported file.
        path: PathBuf,
        /// What does not fit, as a sentence for a person.
        reason: String,
    },
    /// A file cannot be read or written.
    #[error("cannot {action} {}: {error}", path.display())]
    File {
        /// What was tried: read, write, lock or remove.
        action: &'static str,
        /// Path of the file.
        path: PathBuf,
        /// Reason given by the system.
        error: io::Error,
    },
    /// A file of another program is in the place of the journal or of the refused lines.
    #[error("{} is not {expected}; choose another file with {option}", path.display())]
    Occupied {
        /// Path of the file.
        path: PathBuf,
        /// Description of the file that was expected.
        expected: &'static str,
        /// Option that chooses another path.
        option: &'static str,
    },
    /// Another import with the same journal is not finished.
    #[error(
        "another import of this file is running (its journal is {}); wait for its end, or choose \
         another --journal for another destination",
        journal.display()
    )]
    Running {
        /// Path of the journal.
        journal: PathBuf,
    },
    /// The destination failed.
    #[error(transparent)]
    Sink(Box<dyn Error + Send + Sync>),
    /// The imported file can no longer be read.
    #[error("cannot read the file: {0}")]
    Read(#[source] io::Error),
}

/// Reason why a file cannot be opened as a table or NDJSON.
#[derive(Debug, thiserror::Error)]
pub(super) enum LayoutError {
    /// What does not fit, as a sentence for a person.
    #[error("{0}")]
    Wrong(String),
    #[error(transparent)]
    Read(#[from] io::Error),
}

impl From<anyhow::Error> for LayoutError {
    fn from(error: anyhow::Error) -> Self {
        Self::Wrong(format!("{error:#}"))
    }
}

impl From<ImportError> for LayoutError {
    fn from(error: ImportError) -> Self {
        Self::Wrong(error.to_string())
    }
}

impl ImportError {
    /// Returns a function that describes an error of the file system.
    pub(super) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |error| Self::File {
            action,
            path,
            error,
        }
    }
}
