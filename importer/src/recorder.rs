//! Recording of acknowledged batches, in the order of the file.

use std::fs::{self, File};
use std::path::PathBuf;

use super::batches::BatchRecords;
use super::encoding::LineEncoding;
use super::error::ImportError;
use super::journal::ImportJournal;
use super::record::{RecordOutcome, RefusedRecord};
use super::refusals::Refusals;
use super::rejects::Rejects;
use super::sink::Progress;

/// Journal and refused lines, which advance together.
pub(super) struct ImportRecorder {
    pub(super) journal: ImportJournal,
    pub(super) journal_path: PathBuf,
    pub(super) rejects: Rejects,
    /// Imported file, from which refused lines are copied.
    pub(super) source: File,
    pub(super) encoding: LineEncoding,
    /// Summary of the records that this run refused.
    pub(super) refusals: Refusals,
}

impl ImportRecorder {
    /// Records a batch that the server has acknowledged. The record is on disk on return.
    pub(super) fn record(
        &mut self,
        records: BatchRecords,
        outcomes: Vec<RecordOutcome>,
        progress: &impl Progress,
    ) -> Result<(), ImportError> {
        let count = records.count() as u64;
        let BatchRecords {
            items,
            mut refused,
            skipped,
            repeated,
            rows,
            notes,
            end,
        } = records;
        let counts = &mut self.journal.counts;
        counts.read += count;
        counts.skipped += skipped;
        counts.repeated += repeated;
        counts.rows += rows;
        counts.notes += notes;
        for (rows, mut outcome) in items.into_iter().zip(outcomes) {
            if let RecordOutcome::StillUnsubscribed(of_item) = outcome {
                counts.notes.still_unsubscribed += 1;
                outcome = *of_item;
            }
            match outcome {
                RecordOutcome::Created => counts.created += 1,
                RecordOutcome::Updated => counts.updated += 1,
                RecordOutcome::Unchanged => counts.unchanged += 1,
                RecordOutcome::Stale => counts.stale += 1,
                RecordOutcome::Moved => counts.moved += 1,
                // It holds an outcome of another kind.
                RecordOutcome::StillUnsubscribed(_) => {}
                RecordOutcome::Refused(reason) => refused.push(RefusedRecord { rows, reason }),
            }
        }
        counts.refused += refused.len() as u64;
        refused.sort_by_key(|refusal| refusal.rows.place.line);
        refused.iter().for_each(|one| self.refusals.add(one));
        // Refused lines are written before the journal, which has their length: after a crash in
        // between, the next run truncates them and writes them again.
        self.rejects.append(&self.source, self.encoding, &refused)?;
        self.journal.rejects_bytes = self.rejects.bytes();
        self.journal.done = end;
        self.journal
            .save(&self.journal_path)
            .map_err(ImportError::file("write", &self.journal_path))?;
        progress.advanced(end, &self.journal.counts);
        Ok(())
    }

    /// Removes the journal, since a complete import cannot be continued.
    pub(super) fn finish(&mut self) -> Result<(), ImportError> {
        // Also of a file without records.
        self.rejects.append(&self.source, self.encoding, &[])?;
        match fs::remove_file(&self.journal_path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(ImportError::file("remove", &self.journal_path)(error))
            }
            _ => Ok(()),
        }
    }
}
