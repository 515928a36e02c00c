//! `--dry-run`: what an import would send, without sending it.

use std::io::{self, Write};
use std::process::ExitCode;

use importer::ImportTask;
use indicatif::HumanCount;

use super::report::{examples, left_out, records_read, row_notes};
use super::status_of;

/// Number of objects that are shown.
const SHOWN: usize = 5;

/// Prints the first objects to standard output and the counts to standard error.
pub(super) async fn dry_run(task: ImportTask) -> anyhow::Result<ExitCode> {
    let preview = tokio::task::spawn_blocking(move || task.preview(SHOWN)).await??;
    let mut out = io::stdout();
    for object in &preview.first {
        writeln!(out, "{object}")?;
    }
    let counts = &preview.counts;
    eprint!(
        "{}: {} would be sent, {} refused{}; nothing was sent\n{}{}",
        records_read(counts),
        HumanCount(preview.sendable),
        HumanCount(counts.refused),
        left_out(counts),
        row_notes(&counts.notes),
        examples(&preview.refusals)
    );
    Ok(status_of(counts))
}
