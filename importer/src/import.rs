//! One import, from its preparation to its end.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use super::batches::Batches;
use super::encoding::TextEncoding;
use super::error::ImportError;
use super::fields::Resource;
use super::journal::{ImportCounts, ImportJournal, PreviousJournal, SourceId};
use super::lines::FilePosition;
use super::options::{FileFormat, ImportOptions};
use super::presets::Preset;
use super::recorder::ImportRecorder;
use super::refusals::Refusals;
use super::rejects::Rejects;
use super::sink::{Progress, Sink};
use super::source::Source;
use super::transfer;
use super::unique::UniqueRecords;

/// Time that batches in flight have to complete after a stop.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// What to import.
#[derive(Clone, Debug)]
pub struct ImportTask {
    /// Imported file.
    pub file: PathBuf,
    /// Resource that the file describes.
    pub resource: Resource,
    /// Format of the file.
    pub format: FileFormat,
    /// Conversion of a table.
    pub options: ImportOptions,
    /// Layout of the file; the options take precedence.
    pub preset: Option<Preset>,
    /// Name of the destination. An import continues only to the same one.
    pub destination: String,
    /// Maximum number of records per request.
    pub batch: usize,
    /// File for refused lines. It is created with the first of them.
    pub rejects: PathBuf,
    /// File that records progress until the import is complete.
    pub journal: PathBuf,
    /// Start at the first line even if an interrupted import could continue.
    pub restart: bool,
}

/// Import that is ready to run.
pub struct Import {
    resource: Resource,
    batch: usize,
    source: UniqueRecords,
    recorder: ImportRecorder,
    start: ImportStart,
    keeps_journal: bool,
}

/// Beginning of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportStart {
    /// There is nothing to continue.
    New,
    /// An interrupted import continues here.
    Continued(FilePosition),
    /// An interrupted import cannot be continued, for this reason; the new one starts over.
    StartedOver(&'static str),
}

/// End of a run that did not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportEnd {
    /// The whole file was sent.
    Complete {
        /// Counts of all records, those of earlier runs included.
        counts: ImportCounts,
        /// Examples of what this run refused.
        refusals: Refusals,
    },
    /// The import was stopped. Everything up to this position is acknowledged.
    Stopped(FilePosition),
}

impl ImportTask {
    /// Checks that the file can be read with these options, without reading more than its header.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, or an option does not fit.
    pub fn check(&self) -> Result<(), ImportError> {
        self.open().map(drop)
    }

    /// Prepares the import: reads the whole file for its identity, and loads the journal of an
    /// interrupted import. Blocks.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read or is one of another program, or an option does
    /// not fit.
    pub fn prepare(&self) -> Result<Import, ImportError> {
        let source = self.open()?;
        let encoding = source.encoding();
        let (start, journal) = self.open_journal(SourceId::of(&self.file)?)?;
        let mut source = UniqueRecords::new(source, self.resource, self.options.last_wins);
        if journal.done != FilePosition::default() {
            source
                .continue_at(journal.done)
                .map_err(ImportError::file("read", &self.file))?;
        }
        Ok(Import {
            resource: self.resource,
            batch: self.batch,
            source,
            recorder: self.open_recorder(journal, encoding)?,
            start,
            keeps_journal: false,
        })
    }

    pub(super) fn open(&self) -> Result<Source, ImportError> {
        require_regular_file(&self.file)?;
        if self.journal == self.rejects || self.journal == self.file || self.rejects == self.file {
            return Err(ImportError::Options(
                "the file, --journal and --rejects must be three different files".into(),
            ));
        }
        if let Some(preset) = &self.preset
            && preset.resource != self.resource
        {
            return Err(ImportError::Options(format!(
                "the preset {} is for {}, not for {}",
                preset.name,
                preset.resource.name(),
                self.resource.name()
            )));
        }
        let preset = self.preset.as_ref();
        Source::open(
            &self.file,
            self.resource,
            self.format,
            &self.options,
            preset,
        )
        .map_err(|reason| self.wrong_layout(reason))
    }

    /// Returns the error for a file that cannot be opened as a table or NDJSON.
    pub(super) fn wrong_layout(&self, reason: anyhow::Error) -> ImportError {
        let path = self.file.clone();
        match reason.downcast::<io::Error>() {
            // The reader of lines explains with it that a file is not text.
            Ok(error) if error.kind() == io::ErrorKind::InvalidData => ImportError::Layout {
                path,
                reason: error.into(),
            },
            Ok(error) => ImportError::file("read", path)(error),
            Err(reason) => ImportError::Layout { path, reason },
        }
    }

    /// Returns the journal of the import to continue, or of a new import.
    fn open_journal(&self, source: SourceId) -> Result<(ImportStart, ImportJournal), ImportError> {
        let import = (
            self.resource,
            &self.destination,
            self.format,
            &self.options,
            &self.preset,
        );
        let import = serde_json::to_string(&import)
            .map_err(|error| ImportError::Options(error.to_string()))?;
        let new = ImportJournal::new(source, import, self.rejects.clone());
        Ok(match new.load_previous(&self.journal)? {
            PreviousJournal::Same(journal) if !self.restart => {
                (ImportStart::Continued(journal.done), journal)
            }
            PreviousJournal::Other(reason) if !self.restart => {
                (ImportStart::StartedOver(reason), new)
            }
            _ => (ImportStart::New, new),
        })
    }

    fn open_recorder(
        &self,
        mut journal: ImportJournal,
        encoding: TextEncoding,
    ) -> Result<ImportRecorder, ImportError> {
        // Refused lines of an interrupted import are kept only in the same file. The journal's
        // length is not valid for another one.
        let keep = if journal.rejects == self.rejects {
            journal.rejects_bytes
        } else {
            0
        };
        journal.rejects.clone_from(&self.rejects);
        Ok(ImportRecorder {
            journal,
            journal_path: self.journal.clone(),
            rejects: Rejects::open(&self.rejects, keep)?,
            source: File::open(&self.file).map_err(ImportError::file("read", &self.file))?,
            encoding,
            refusals: Refusals::default(),
        })
    }
}

impl Import {
    /// Returns how the import begins.
    pub fn start(&self) -> &ImportStart {
        &self.start
    }

    /// Returns the import's state before this run.
    pub fn journal(&self) -> &ImportJournal {
        &self.recorder.journal
    }

    /// Leaves the journal of a complete import in its place. The caller removes it once it has
    /// recorded the end: until then, running the import again sends nothing and ends with the same
    /// counts.
    #[must_use]
    pub fn keep_journal(self) -> Self {
        Self {
            keeps_journal: true,
            ..self
        }
    }

    /// Runs the import until it is complete, fails, or `stop` ends. Batches in flight then have two
    /// seconds to complete. Those that do not are sent again when the import continues, and their
    /// items count as unchanged.
    ///
    /// # Errors
    /// Returns an error if the import could not finish. Preparing and running it again continues
    /// after the last acknowledged batch: see [`ImportJournal::done`].
    pub async fn run<S: Sink>(
        self,
        sink: &S,
        progress: &impl Progress,
        stop: impl Future<Output = ()>,
    ) -> Result<ImportEnd, (FilePosition, ImportError)> {
        let mut recorder = self.recorder;
        let batches = Batches::new(self.source, self.batch).spawn();
        let resource = self.resource;
        let stopping = Notify::new();
        let stopped = stopping.notified();
        let transfer =
            transfer::transfer(batches, sink, resource, &mut recorder, progress, stopped);
        let too_late = async {
            stop.await;
            stopping.notify_one();
            sleep(STOP_GRACE).await;
        };
        let ended = tokio::select! {
            ended = transfer => ended,
            () = too_late => Ok(false),
        };
        let done = recorder.journal.done;
        if !ended.map_err(|error| (done, error))? {
            return Ok(ImportEnd::Stopped(done));
        }
        if !self.keeps_journal {
            recorder.finish().map_err(|error| (done, error))?;
        }
        Ok(ImportEnd::Complete {
            counts: recorder.journal.counts,
            refusals: recorder.refusals,
        })
    }
}

pub(super) fn require_regular_file(path: &Path) -> Result<(), ImportError> {
    // Opening a pipe would wait for its other end.
    let metadata = fs::metadata(path).map_err(ImportError::file("read", path))?;
    if metadata.is_file() {
        return Ok(());
    }
    Err(ImportError::Options(format!(
        "{} is not a regular file; an import must be able to seek in it",
        path.display()
    )))
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
