//! Recording of acknowledged batches, in the order of the file.

use std::fs::{self, File};
use std::path::PathBuf;

use super::error::ImportError;
use super::journal::ImportJournal;
use super::lines::{FilePosition, Place};
use super::record::{RecordOutcome, RefusedRecord};
use super::rejects::Rejects;
use super::sink::Progress;

/// Journal and refused lines, which advance together.
pub(super) struct ImportRecorder {
    pub(super) journal: ImportJournal,
    pub(super) journal_path: PathBuf,
    pub(super) rejects: Rejects,
    /// Imported file, from which refused lines are copied.
    pub(super) source: File,
}

/// Batch in flight, without its body.
pub(super) struct PendingBatch {
    pub(super) places: Vec<Place>,
    pub(super) refused: Vec<RefusedRecord>,
    pub(super) end: FilePosition,
}

impl ImportRecorder {
    /// Records a batch that the server has acknowledged. The record is on disk on return.
    pub(super) fn record(
        &mut self,
        pending: PendingBatch,
        outcomes: Vec<RecordOutcome>,
        progress: &impl Progress,
    ) -> Result<(), ImportError> {
        let PendingBatch {
            places,
            mut refused,
            end,
        } = pending;
        let counts = &mut self.journal.counts;
        counts.read += (places.len() + refused.len()) as u64;
        for (place, outcome) in places.into_iter().zip(outcomes) {
            match outcome {
                RecordOutcome::Created => counts.created += 1,
                RecordOutcome::Updated => counts.updated += 1,
                RecordOutcome::Unchanged => counts.unchanged += 1,
                RecordOutcome::Refused(reason) => refused.push(RefusedRecord { place, reason }),
            }
        }
        counts.refused += refused.len() as u64;
        refused.sort_by_key(|refusal| refusal.place.line);
        // Refused lines are written before the journal, which has their length: after a crash in
        // between, the next run truncates them and writes them again.
        self.rejects
            .append(&self.source, &refused)
            .map_err(|error| ImportError::file("write", self.rejects.path())(error))?;
        self.journal.rejects_bytes = self.rejects.bytes();
        self.journal.done = end;
        self.journal
            .save(&self.journal_path)
            .map_err(ImportError::file("write", &self.journal_path))?;
        progress.advanced(end, &self.journal.counts);
        Ok(())
    }

    /// Removes the journal, since a complete import cannot be continued.
    pub(super) fn finish(&self) -> Result<(), ImportError> {
        match fs::remove_file(&self.journal_path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(ImportError::file("remove", &self.journal_path)(error))
            }
            _ => Ok(()),
        }
    }
}
