//! `patron import`: a client of the HTTP API that sends a file of any size.
//!
//! A thread reads the file ([`source`]), converts records to objects ([`mapping`]) and groups them
//! into batches ([`batches`]). [`transfer`] keeps a few batches in flight ([`send`]), and records
//! those that the server acknowledged, in order ([`recorder`]): in the journal, in the file of
//! refused lines, and on the display. Memory does not grow with the file.

mod answer;
mod args;
mod batches;
mod bindings;
mod cells;
mod dates;
mod decimal;
mod fields;
mod journal;
mod lines;
mod mapping;
mod ndjson;
mod record;
mod recorder;
mod rejects;
mod report;
mod send;
mod source;
mod table;
mod transfer;
mod values;

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use http_client::Retries;

pub use args::ImportArgs;
use batches::Batches;
use journal::{ImportCounts, ImportJournal, PreviousJournal, SourceId};
use lines::FilePosition;
use recorder::ImportRecorder;
use rejects::Rejects;
use report::ProgressReport;
use send::{RETRIES, Sender};
use source::Source;

/// End of a run that did not fail.
#[derive(Debug, PartialEq, Eq)]
enum ImportEnd {
    Complete {
        counts: ImportCounts,
        summary: String,
    },
    /// The user stopped the import. Everything up to this position is acknowledged.
    Stopped(FilePosition),
}

/// Imports the file. The exit status is 0 if every line was accepted, 2 if some were refused, and
/// 1 if the import was stopped.
///
/// # Errors
/// Returns an error if the import could not finish. The message says how to continue.
pub async fn run(args: ImportArgs) -> anyhow::Result<ExitCode> {
    Ok(match import(&args, RETRIES, stop_requested()).await? {
        ImportEnd::Complete { counts, summary } => {
            std::io::stdout().write_all(summary.as_bytes())?;
            if counts.refused == 0 {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(2)
            }
        }
        ImportEnd::Stopped(done) => {
            eprintln!("stopped; {}", how_to_continue(done));
            ExitCode::FAILURE
        }
    })
}

async fn import(
    args: &ImportArgs,
    retries: Retries,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<ImportEnd> {
    require_regular_file(&args.file)?;
    let (journal, rejects) = (args.journal_path(), args.rejects_path());
    ensure!(
        journal != rejects && journal != args.file && rejects != args.file,
        "the file, --journal and --rejects must be three different files"
    );
    let mut source = Source::open(&args.file, args.resource, args.format()?, &args.table)
        .with_context(|| format!("{}", args.file.display()))?;
    // After the cheap checks, since it reads the whole file.
    eprintln!("checking {}", args.file.display());
    let file = args.file.clone();
    let id = tokio::task::spawn_blocking(move || SourceId::of(&file)).await??;
    let journal = open_journal(args, id)?;
    if journal.done != FilePosition::default() {
        source.seek(journal.done)?;
    }
    let report = ProgressReport::new(&journal);
    let sender = Sender::new(&args.url, &args.key, args.resource, retries, &report)?;
    let mut recorder = open_recorder(args, journal, &report)?;
    let batches = Batches::new(source, args.batch as usize).spawn();
    let finished = tokio::select! {
        ended = transfer::transfer(batches, &sender, &mut recorder) => Some(ended),
        () = stop => None,
    };
    report.clear();
    let done = recorder.journal.done;
    let Some(ended) = finished else {
        return Ok(ImportEnd::Stopped(done));
    };
    ended.with_context(|| format!("could not finish; {}", how_to_continue(done)))?;
    recorder.finish()?;
    let counts = recorder.journal.counts;
    Ok(ImportEnd::Complete {
        counts,
        summary: report.summary(&counts, recorder.rejects.path()),
    })
}

fn require_regular_file(path: &Path) -> anyhow::Result<()> {
    // Opening a pipe would wait for its other end.
    let metadata = fs::metadata(path).with_context(|| format!("{}", path.display()))?;
    ensure!(
        metadata.is_file(),
        "{} is not a regular file; an import must be able to seek in it",
        path.display()
    );
    Ok(())
}

/// Returns the journal of the import to continue, or of a new import.
fn open_journal(args: &ImportArgs, source: SourceId) -> anyhow::Result<ImportJournal> {
    let import = serde_json::to_string(&(
        args.resource,
        args.url.trim_end_matches('/'),
        args.format()?,
        &args.table,
    ))?;
    let new = ImportJournal::new(source, import, args.rejects_path());
    Ok(match new.load_previous(&args.journal_path())? {
        PreviousJournal::Same(journal) if !args.restart => {
            eprintln!(
                "continuing after line {} of an interrupted import",
                journal.done.line
            );
            journal
        }
        PreviousJournal::Other(reason) if !args.restart => {
            eprintln!("an interrupted import cannot be continued: {reason}; starting over");
            new
        }
        _ => new,
    })
}

fn open_recorder<'a>(
    args: &ImportArgs,
    mut journal: ImportJournal,
    report: &'a ProgressReport,
) -> anyhow::Result<ImportRecorder<'a>> {
    let path = args.rejects_path();
    // Refused lines of an interrupted import are kept only in the same file. The journal's length
    // is not valid for another one.
    let keep = if journal.rejects == path {
        journal.rejects_bytes
    } else {
        0
    };
    journal.rejects.clone_from(&path);
    Ok(ImportRecorder {
        journal,
        journal_path: args.journal_path(),
        rejects: Rejects::open(&path, keep)?,
        source: File::open(&args.file)?,
        report,
    })
}

fn how_to_continue(done: FilePosition) -> String {
    match done.line {
        0 => "nothing was acknowledged; run the same command again to start".into(),
        line => format!("run the same command again to continue after line {line}"),
    }
}

/// Waits for Ctrl-C or SIGTERM.
async fn stop_requested() {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupted = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminated) => tokio::select! {
            _ = interrupted => {}
            _ = terminated.recv() => {}
        },
        Err(_) => drop(interrupted.await),
    }
}

#[cfg(test)]
mod tests;
