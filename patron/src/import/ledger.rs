//! Accounting for acknowledged batches, in the order of the file.

use std::fs::{self, File};
use std::path::PathBuf;

use anyhow::Context;

use super::answer::Verdict;
use super::batches::Refusal;
use super::journal::{Counts, Journal};
use super::lines::{Cursor, Place};
use super::rejects::Rejects;
use super::report::Report;

/// The journal, the refused lines and the progress shown, moved together.
pub(super) struct Ledger<'a> {
    pub(super) journal: Journal,
    pub(super) journal_path: PathBuf,
    pub(super) rejects: Rejects,
    /// The file, to copy refused lines from.
    pub(super) source: File,
    pub(super) report: &'a Report,
}

/// A batch on its way, without its body.
pub(super) struct Slip {
    pub(super) places: Vec<Place>,
    pub(super) refused: Vec<Refusal>,
    pub(super) end: Cursor,
}

impl Ledger<'_> {
    /// Enters a batch that the server has acknowledged; on disk when it returns.
    ///
    /// The refused lines are written first and the journal knows how far: after a crash between
    /// the two, the next run cuts them off and writes them again.
    pub(super) fn enter(&mut self, slip: Slip, verdicts: Vec<Verdict>) -> anyhow::Result<()> {
        let Slip {
            places,
            mut refused,
            end,
        } = slip;
        let counts = &mut self.journal.counts;
        counts.read += (places.len() + refused.len()) as u64;
        for (place, verdict) in places.into_iter().zip(verdicts) {
            if let Some(reason) = counts.add(verdict) {
                refused.push(Refusal { place, reason });
            }
        }
        counts.refused += refused.len() as u64;
        refused.sort_by_key(|refusal| refusal.place.line);
        self.rejects
            .append(&self.source, &refused)
            .with_context(|| format!("cannot write {}", self.rejects.path().display()))?;
        self.journal.rejects_bytes = self.rejects.bytes();
        self.journal.done = end;
        self.journal
            .save(&self.journal_path)
            .with_context(|| format!("cannot write {}", self.journal_path.display()))?;
        self.report.progress(end, &self.journal.counts);
        Ok(())
    }

    /// Ends the import: there is nothing left to continue.
    pub(super) fn close(&self) -> anyhow::Result<()> {
        match fs::remove_file(&self.journal_path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.journal_path.display()))
            }
            _ => Ok(()),
        }
    }
}

impl Counts {
    /// Counts an item, unless it is refused: then gives the reason.
    fn add(&mut self, verdict: Verdict) -> Option<super::source::Reason> {
        match verdict {
            Verdict::Created => self.created += 1,
            Verdict::Updated => self.updated += 1,
            Verdict::Unchanged => self.unchanged += 1,
            Verdict::Refused(reason) => return Some(reason),
        }
        None
    }
}
