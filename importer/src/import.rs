//! One import, from its preparation to its end.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use super::batches::Batches;
use super::encoding::LineEncoding;
use super::error::{ImportError, LayoutError};
use super::fields::Resource;
use super::journal::{ImportCounts, ImportJournal, PreviousJournal, SourceId};
use super::lines::FilePosition;
use super::lock::ImportLock;
use super::option_names::OptionNames;
use super::options::{FileFormat, ImportOptions};
use super::paths::{absolute, require_regular_file, require_writable_folder};
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
    /// How the reasons of refused lines name options. Errors name them as flags.
    pub option_names: OptionNames,
}

/// Import that is ready to run.
pub struct Import {
    resource: Resource,
    batch: usize,
    source: UniqueRecords,
    recorder: ImportRecorder,
    start: ImportStart,
    earlier_rejects: Option<PathBuf>,
    keeps_journal: bool,
    lock: ImportLock,
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
    /// Checks that the file can be read with these options, without reading more than its header,
    /// and that there is a place for its journal and refused rows.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, an option does not fit, or another file cannot
    /// be written.
    pub fn check(&self) -> Result<(), ImportError> {
        self.open()?;
        require_writable_folder(&self.journal)?;
        require_writable_folder(&self.rejects)?;
        Rejects::open(&self.rejects, 0).map(drop)
    }

    /// Prepares the import: reads the whole file for its identity, and loads the journal of an
    /// interrupted import. Blocks.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read or is one of another program, or an option does
    /// not fit.
    pub fn prepare(&self) -> Result<Import, ImportError> {
        let source = self.open()?;
        let lock = ImportLock::take(&self.journal)?;
        let encoding = source.encoding();
        let rejects = absolute(&self.rejects);
        let (start, journal) = self.open_journal(SourceId::of(&self.file)?, rejects.clone())?;
        let mut source = UniqueRecords::new(source, self.resource);
        if journal.done != FilePosition::default() {
            source
                .continue_at(journal.done)
                .map_err(ImportError::file("read", &self.file))?;
        }
        let has_earlier = journal.rejects != rejects && journal.rejects_bytes > 0;
        let earlier_rejects = has_earlier.then(|| journal.rejects.clone());
        Ok(Import {
            resource: self.resource,
            batch: self.batch,
            source,
            recorder: self.open_recorder(journal, rejects, encoding)?,
            start,
            earlier_rejects,
            keeps_journal: false,
            lock,
        })
    }

    /// Checks that the preset is one for the resource.
    ///
    /// # Errors
    /// Returns an error that names both resources.
    pub fn check_resource(&self) -> Result<(), ImportError> {
        match &self.preset {
            Some(preset) if preset.resource != self.resource => Err(ImportError::Options(format!(
                "the preset {0} is for {1}, not for {2}; import {1} with it, or choose a \
                     preset for {2}",
                preset.name,
                preset.resource.name(),
                self.resource.name()
            ))),
            _ => Ok(()),
        }
    }

    pub(super) fn open(&self) -> Result<Source, ImportError> {
        require_regular_file(&self.file)?;
        let [file, journal, rejects] =
            [&self.file, &self.journal, &self.rejects].map(|path| absolute(path));
        if journal == rejects || journal == file || rejects == file {
            return Err(ImportError::Options(
                "the file, --journal and --rejects must be three different files".into(),
            ));
        }
        self.check_resource()?;
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
    pub(super) fn wrong_layout(&self, reason: LayoutError) -> ImportError {
        let path = self.file.clone();
        let reason = match reason {
            LayoutError::Wrong(reason) => reason,
            // The reader of lines explains with it that a file is not text.
            LayoutError::Read(error) if error.kind() == io::ErrorKind::InvalidData => {
                error.to_string()
            }
            LayoutError::Read(error) => return ImportError::file("read", path)(error),
        };
        ImportError::Layout { path, reason }
    }

    /// Returns the journal of the import to continue, or of a new import.
    fn open_journal(
        &self,
        source: SourceId,
        rejects: PathBuf,
    ) -> Result<(ImportStart, ImportJournal), ImportError> {
        let import = (
            self.resource,
            &self.destination,
            self.format,
            &self.options,
            &self.preset,
        );
        let import = serde_json::to_string(&import)
            .map_err(|error| ImportError::Options(error.to_string()))?;
        let new = ImportJournal::new(source, import, rejects);
        Ok(match new.load_previous(&self.journal)? {
            PreviousJournal::Same(mut journal) if !self.restart => {
                // The file may have been moved with its folder.
                journal.rejects = absolute(&journal.rejects);
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
        rejects: PathBuf,
        encoding: LineEncoding,
    ) -> Result<ImportRecorder, ImportError> {
        // Refused lines of an interrupted import are kept only in the same file. The journal's
        // length is not valid for another one.
        let keep = if journal.rejects == rejects {
            journal.rejects_bytes
        } else {
            0
        };
        journal.rejects = rejects;
        Ok(ImportRecorder {
            journal,
            journal_path: self.journal.clone(),
            rejects: Rejects::open(&self.rejects, keep)?.naming(self.option_names),
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

    /// Returns the file with the rows that earlier runs of this import refused, if it is another one
    /// than that of this run.
    pub fn earlier_rejects(&self) -> Option<&Path> {
        self.earlier_rejects.as_deref()
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
        let _lock = self.lock;
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

#[cfg(test)]
#[path = "import_tests.rs"]
pub(super) mod tests;
