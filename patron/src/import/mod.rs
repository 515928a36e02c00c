//! `patron import`: a client of the HTTP API that sends a file of any size.
//!
//! A thread reads the file ([`source`]), turns records into objects ([`mapping`]) and cuts them
//! into batches ([`batches`]); [`transfer`] keeps a few of them in flight ([`send`]) and enters
//! what the server acknowledged, in order, in the [`ledger`]: the journal, the refused lines,
//! the progress shown. Nothing grows with the file.

mod answer;
mod args;
mod batches;
mod bindings;
mod cells;
mod dates;
mod decimal;
mod fields;
mod journal;
mod ledger;
mod lines;
mod mapping;
mod ndjson;
mod rejects;
mod report;
mod send;
mod source;
mod table;
mod transfer;
mod values;

use std::fs::File;
use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, ensure};

pub(crate) use args::ImportArgs;
use batches::Batches;
use journal::{Counts, Found, Journal, SourceId};
use ledger::Ledger;
use lines::Cursor;
use rejects::Rejects;
use report::Report;
use send::{Patience, Sender};
use source::Source;

/// How a run ended that did not fail.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Complete {
        counts: Counts,
        summary: String,
    },
    /// Somebody stopped it; everything up to here is done.
    Stopped(Cursor),
}

/// Imports the file. The exit status is 0 if every line was accepted, 2 if some were refused,
/// 1 if it was stopped; an error means that it could not finish and says how to go on.
pub(crate) async fn run(args: ImportArgs) -> anyhow::Result<ExitCode> {
    Ok(
        match import(&args, Patience::default(), stop_requested()).await? {
            End::Complete { counts, summary } => {
                std::io::stdout().write_all(summary.as_bytes())?;
                if counts.refused == 0 {
                    ExitCode::SUCCESS
                } else {
                    ExitCode::from(2)
                }
            }
            End::Stopped(done) => {
                eprintln!("stopped; {}", how_to_continue(done));
                ExitCode::FAILURE
            }
        },
    )
}

async fn import(
    args: &ImportArgs,
    patience: Patience,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<End> {
    let id = SourceId::of(&args.file)?;
    let mut source = open_source(args)?;
    let journal = begin(args, id)?;
    if journal.done != Cursor::default() {
        source.seek(journal.done)?;
    }
    let report = Report::new(&journal);
    let sender = Sender::new(&args.url, &args.key, args.resource, patience, &report)?;
    let mut ledger = open_ledger(args, journal, &report)?;
    let batches = Batches::new(source, args.batch as usize).spawn();
    let finished = tokio::select! {
        ended = transfer::transfer(batches, &sender, &mut ledger) => Some(ended),
        () = stop => None,
    };
    report.clear();
    let done = ledger.journal.done;
    let Some(ended) = finished else {
        return Ok(End::Stopped(done));
    };
    ended.with_context(|| format!("could not finish; {}", how_to_continue(done)))?;
    ledger.close()?;
    let counts = ledger.journal.counts;
    Ok(End::Complete {
        counts,
        summary: report.summary(&counts, ledger.rejects.path()),
    })
}

fn open_source(args: &ImportArgs) -> anyhow::Result<Source> {
    let (journal, rejects) = (args.journal_path(), args.rejects_path());
    ensure!(
        journal != rejects && journal != args.file && rejects != args.file,
        "the file, --journal and --rejects must be three files"
    );
    Source::open(&args.file, args.resource, args.format()?, &args.table)
        .with_context(|| format!("{}", args.file.display()))
}

/// The journal to continue, or that of a new import.
fn begin(args: &ImportArgs, source: SourceId) -> anyhow::Result<Journal> {
    let import = serde_json::to_string(&(
        args.resource,
        args.url.trim_end_matches('/'),
        args.format()?,
        &args.table,
    ))?;
    let new = Journal::new(source, import, args.rejects_path());
    Ok(match new.find(&args.journal_path())? {
        Found::Same(journal) if !args.restart => {
            eprintln!(
                "continuing after line {} of an interrupted import",
                journal.done.line
            );
            journal
        }
        Found::Other(why) if !args.restart => {
            eprintln!("an interrupted import cannot be continued: {why}; starting over");
            new
        }
        _ => new,
    })
}

fn open_ledger<'a>(
    args: &ImportArgs,
    mut journal: Journal,
    report: &'a Report,
) -> anyhow::Result<Ledger<'a>> {
    let path = args.rejects_path();
    let keep = if journal.rejects == path {
        journal.rejects_bytes
    } else {
        0
    };
    journal.rejects.clone_from(&path);
    Ok(Ledger {
        journal,
        journal_path: args.journal_path(),
        rejects: Rejects::open(&path, keep)?,
        source: File::open(&args.file)?,
        report,
    })
}

fn how_to_continue(done: Cursor) -> String {
    match done.line {
        0 => "nothing was acknowledged; run the same command again to start".into(),
        line => format!("run the same command again to continue after line {line}"),
    }
}

/// Completes on Ctrl-C, and on SIGTERM.
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
