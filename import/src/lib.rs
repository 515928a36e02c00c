//! `patron import`: the command line of the [`importer`], which sends a file to the HTTP API.

mod answer;
mod args;
mod report;
mod send;

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use http_client::Retries;
use importer::{FilePosition, ImportCounts, ImportEnd, ImportStart};

pub use args::ImportArgs;
use report::ProgressReport;
use send::{RETRIES, Sender};

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

/// Imports the file. The exit status is 0 if every line was accepted, 2 if some were refused, and
/// 1 if the import was stopped.
///
/// # Errors
/// Returns an error if the import could not finish. The message says how to continue.
pub async fn run(args: ImportArgs) -> anyhow::Result<ExitCode> {
    Ok(match import(&args, RETRIES, stop_requested()).await? {
        RunEnd::Complete { counts, summary } => {
            std::io::stdout().write_all(summary.as_bytes())?;
            if counts.refused == 0 {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(2)
            }
        }
        RunEnd::Stopped(done) => {
            eprintln!("stopped; {}", how_to_continue(done));
            ExitCode::FAILURE
        }
    })
}

async fn import(
    args: &ImportArgs,
    retries: Retries,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<RunEnd> {
    let task = args.task()?;
    task.check()?;
    // After the cheap checks, since it reads the whole file.
    eprintln!("checking {}", args.file.display());
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
    let report = ProgressReport::new(import.journal());
    let sender = Sender::new(&args.url, &args.key, retries, &report)?;
    let ended = import.run(&sender, &report, stop).await;
    report.clear();
    Ok(match ended {
        Ok(ImportEnd::Complete(counts)) => RunEnd::Complete {
            counts,
            summary: report.summary(&counts, &args.rejects_path()),
        },
        Ok(ImportEnd::Stopped(done)) => RunEnd::Stopped(done),
        Err((done, error)) => {
            Err(error).with_context(|| format!("could not finish; {}", how_to_continue(done)))?
        }
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
