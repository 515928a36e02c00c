//! `patron engines`: the engines alone, for tests and for whoever wants to look into them.

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

/// Starts the engines, prints one line of JSON that tells where they are, and stops them on
/// Ctrl-C, SIGTERM or the end of standard input. Fails when an engine ends by itself.
pub(crate) async fn run(options: &EngineOptions) -> anyhow::Result<()> {
    let stop = told_to_stop()?;
    tokio::pin!(stop);
    let engines = tokio::select! {
        started = Engines::start(options) => started?,
        () = &mut stop => return Ok(()),
    };
    announce(&engines).context("cannot print where the engines are")?;

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

/// Listens from now on; the returned future resolves at the first signal or end of input.
fn told_to_stop() -> io::Result<impl Future<Output = ()>> {
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

/// Resolves when the pipe that is our standard input is closed by the process that holds it.
/// A terminal or `/dev/null` does not count: the receiver is then told that nobody sends.
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
