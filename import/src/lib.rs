//! `patron import`: the command line of the [`importer`], which sends a file to the HTTP API.

mod answer;
mod args;
mod dry_run;
mod fit;
mod layout;
mod report;
mod send;
mod table_args;

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use http_client::Retries;
use importer::{FilePosition, ImportCounts, ImportEnd, ImportError, ImportStart, ImportTask};

pub use args::ImportArgs;
use dry_run::dry_run;
use fit::{left_out_fields, numbers_as_text, unused_columns};
use layout::{choose_layout, preset_list};
use report::ProgressReport;
use send::{Endpoint, RETRIES, SendError, Sender};

/// End of a run that did not fail.
#[derive(Debug, PartialEq, Eq)]
enum RunEnd {
    Complete {
        counts: ImportCounts,
        summary: String,
    },
    /// The user stopped the import. Everything up to this position is acknowledged.
    Stopped(FilePosition),
}

/// Exit status if rows were refused.
const ROWS_REFUSED: u8 = 2;

/// Exit status if an option is wrong or does not fit the file (`EX_USAGE`).
const WRONG_USAGE: u8 = 64;

const NO_KEY: &str = "an API key is needed: pass --key or set PATRON_KEY. An admin creates one with \
                      the role ingest in the console (Keys); --dry-run needs none";

/// Error of the command line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct UsageError(String);

/// Imports the file. The exit status is 0 if every row was accepted, 2 if some were refused, 64 if
/// an option is wrong, and 1 if the import was stopped.
///
/// # Errors
/// Returns an error if the import could not finish. The message says how to continue.
pub async fn run(args: ImportArgs) -> anyhow::Result<ExitCode> {
    match run_args(&args).await {
        Err(error) if is_wrong_usage(&error) => {
            eprintln!("patron: {error:#}");
            Ok(ExitCode::from(WRONG_USAGE))
        }
        ended => ended,
    }
}

async fn run_args(args: &ImportArgs) -> anyhow::Result<ExitCode> {
    if args.presets {
        std::io::stdout().write_all(preset_list().as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.dry_run {
        // Nothing is sent, so nobody is asked.
        return dry_run(checked_task(args, true)?.0).await;
    }
    Ok(match import(args, RETRIES, stop_requested()).await? {
        RunEnd::Complete { counts, summary } => {
            std::io::stdout().write_all(summary.as_bytes())?;
            status_of(&counts)
        }
        RunEnd::Stopped(done) => {
            eprintln!("stopped; {}", how_to_continue(done, None));
            ExitCode::FAILURE
        }
    })
}

fn is_wrong_usage(error: &anyhow::Error) -> bool {
    let error_of_import = error.downcast_ref::<ImportError>();
    let is_of_options = error_of_import.is_some_and(|error| {
        matches!(
            error,
            ImportError::Options(_)
                | ImportError::Layout { .. }
                | ImportError::Occupied { .. }
                | ImportError::Running { .. }
        )
    });
    is_of_options || error.is::<UsageError>()
}

fn status_of(counts: &ImportCounts) -> ExitCode {
    match counts.refused {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(ROWS_REFUSED),
    }
}

async fn import(
    args: &ImportArgs,
    retries: Retries,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<RunEnd> {
    let key = args
        .key
        .as_deref()
        .ok_or_else(|| UsageError(NO_KEY.into()))?;
    let endpoint = Endpoint::new(&args.url, key)?;
    let (task, unused) = checked_task(args, args.yes)?;
    task.check()
        .map_err(|error| unreadable_is_usage(error.into()))?;
    // After the cheap checks, since it reads the whole file.
    eprintln!("checking {}", task.file.display());
    let rejects = task.rejects.clone();
    let import = tokio::task::spawn_blocking(move || task.prepare()).await??;
    match import.start() {
        ImportStart::New => {}
        ImportStart::Continued(from) => eprintln!(
            "continuing after line {} of an interrupted import",
            from.line
        ),
        ImportStart::StartedOver(reason) => {
            eprintln!("an interrupted import cannot be continued: {reason}; starting over");
        }
    }
    if let Some(earlier) = import.earlier_rejects() {
        eprintln!(
            "the rows that were refused before the interruption are in {}",
            earlier.display()
        );
    }
    let report = ProgressReport::new(import.journal());
    let sender = Sender::new(endpoint, retries, &report);
    let ended = import.run(&sender, &report, stop).await;
    report.clear();
    Ok(match ended {
        Ok(ImportEnd::Complete { counts, refusals }) => RunEnd::Complete {
            counts,
            summary: report.summary(&counts, &refusals, &rejects) + &unused,
        },
        Ok(ImportEnd::Stopped(done)) => RunEnd::Stopped(done),
        Err((done, error)) => {
            let how = how_to_continue(done, wrong_option(&error));
            Err(error).with_context(|| format!("could not finish; {how}"))?
        }
    })
}

/// Returns the import that the options describe, with the layout of its file, and a line about the
/// columns that are not used. Says how the file fits what is told about it.
///
/// # Errors
/// Returns an error if an option is wrong or does not fit the file, or the file cannot be read.
fn checked_task(args: &ImportArgs, is_accepted: bool) -> anyhow::Result<(ImportTask, String)> {
    let mut task = args.task()?;
    choose_layout(&mut task, is_accepted).map_err(unreadable_is_usage)?;
    let fit = task.fit();
    let fit = fit.map_err(|error| unreadable_is_usage(error.into()))?;
    let unused = unused_columns(&fit);
    eprint!("{}{unused}{}", left_out_fields(&fit), numbers_as_text(&fit));
    Ok((task, unused))
}

/// A file that cannot be read is a wrong argument. Running the same command again would not help.
fn unreadable_is_usage(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<ImportError>() {
        Some(ImportError::File { .. }) => UsageError(error.to_string()).into(),
        _ => error,
    }
}

/// Returns the option that the server does not accept.
fn wrong_option(error: &ImportError) -> Option<&'static str> {
    match error {
        ImportError::Sink(error) => error.downcast_ref::<SendError>()?.wrong_option(),
        _ => None,
    }
}

fn how_to_continue(done: FilePosition, wrong_option: Option<&str>) -> String {
    match (done.line, wrong_option) {
        (0, None) => "nothing was acknowledged; run the same command again to start".into(),
        (0, Some(option)) => format!("nothing was acknowledged; correct {option} first"),
        (line, None) => format!("run the same command again to continue after line {line}"),
        (line, Some(option)) => format!(
            "once {option} is right, run the same command again to continue after line {line}"
        ),
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
