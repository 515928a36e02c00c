//! `patron engines`: runs the engines alone, for tests and for inspection.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::thread;

use anyhow::{Context, bail};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::{EngineOptions, Engines};

/// Starts the engines, prints one line of JSON with their URLs, and stops them on Ctrl-C, SIGTERM
/// or the end of standard input.
///
/// # Errors
/// Returns an error if an engine cannot be started or ends unexpectedly.
pub async fn run(options: &EngineOptions) -> anyhow::Result<()> {
    let stop = stop_requested()?;
    tokio::pin!(stop);
    let engines = tokio::select! {
        started = Engines::start(options) => started?,
        () = &mut stop => return Ok(()),
    };
    announce(&engines).context("cannot print the engines' URLs")?;

    let ended = tokio::select! {
        () = &mut stop => None,
        message = engines.exited() => Some(message),
    };
    engines.stop().await;
    match ended {
        Some(message) => bail!(message),
        None => Ok(()),
    }
}

fn announce(engines: &Engines) -> io::Result<()> {
    let line = json!({
        "redis_url": engines.redis_url,
        "mongodb_uri": engines.mongodb_uri,
        "redis_server": engines.redis_server(),
        "mongod": engines.mongod(),
        "redis_pid": engines.redis_pid(),
        "mongod_pid": engines.mongod_pid(),
    });
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Installs signal handlers. The returned future resolves at the first signal from now on, or at
/// the end of standard input.
fn stop_requested() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let input = end_of_input();
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            Ok(()) = input => {}
        }
    })
}

/// Returns a receiver that gets a value when standard input is a pipe and its writer closes it,
/// for example because the test process has died. For a terminal or `/dev/null` the receiver gets
/// an error at once.
fn end_of_input() -> oneshot::Receiver<()> {
    let (ended, end) = oneshot::channel();
    let pipe = io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .map(File::from)
        .ok()
        .filter(|input| {
            input
                .metadata()
                .is_ok_and(|meta| meta.file_type().is_fifo())
        });
    if let Some(mut pipe) = pipe {
        thread::spawn(move || {
            let mut ignored = [0; 1024];
            while pipe.read(&mut ignored).is_ok_and(|count| count > 0) {}
            let _nobody_waits = ended.send(());
        });
    }
    end
}
