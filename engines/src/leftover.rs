//! Stopping an engine that an earlier run left running.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

use super::EngineError;
use super::child::pid_file;

/// Time that the engine has to end after SIGTERM, and again after SIGKILL.
const GRACE: Duration = Duration::from_secs(15);

/// Stops the engine whose pid is recorded in the data directory, if it still runs.
///
/// `argument` is one of the engine's arguments, a path in the data directory. A process without it
/// is another program that got the same pid, and is not stopped.
pub(super) async fn stop(
    dir: &Path,
    name: &'static str,
    argument: &Path,
) -> Result<(), EngineError> {
    let recorded = fs::read_to_string(pid_file(dir, name)).ok();
    let Some(pid) = recorded.and_then(|text| text.trim().parse::<u32>().ok()) else {
        return Ok(());
    };
    for signal in [Signal::TERM, Signal::KILL] {
        if !is_ours(pid, argument) {
            return Ok(());
        }
        tracing::info!("stopping {name} (pid {pid}) of an earlier run");
        send(name, pid, signal)?;
        if wait_until_ended(pid, argument).await {
            return Ok(());
        }
    }
    Err(EngineError::Leftover {
        name,
        pid,
        reason: "SIGKILL did not end it".to_owned(),
    })
}

fn send(name: &'static str, pid: u32, signal: Signal) -> Result<(), EngineError> {
    let target = i32::try_from(pid).ok().and_then(Pid::from_raw);
    match target.map(|target| kill_process(target, signal)) {
        Some(Err(error)) if error != rustix::io::Errno::SRCH => Err(EngineError::Leftover {
            name,
            pid,
            reason: error.to_string(),
        }),
        _ => Ok(()),
    }
}

/// Waits until the process has ended. Returns false if it still runs after `GRACE`.
async fn wait_until_ended(pid: u32, argument: &Path) -> bool {
    let deadline = Instant::now() + GRACE;
    while is_ours(pid, argument) {
        if Instant::now() > deadline {
            return false;
        }
        sleep(Duration::from_millis(20)).await;
    }
    true
}

/// Returns true if the process runs and has the argument. A zombie, which its parent has not
/// reaped, has an empty command line and does not count.
fn is_ours(pid: u32, argument: &Path) -> bool {
    fs::read(format!("/proc/{pid}/cmdline"))
        .is_ok_and(|line| has_argument(&line, argument.as_os_str().as_encoded_bytes()))
}

/// Returns true if a command line in the form of `/proc/PID/cmdline`, with a NUL after each
/// argument, has the argument.
fn has_argument(line: &[u8], argument: &[u8]) -> bool {
    line.split(|byte| *byte == 0).any(|part| part == argument)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_argument_counts() {
        let line = b"mongod\0--dbpath\0/data/a/mongo\0";
        assert!(has_argument(line, b"/data/a/mongo"));
        assert!(!has_argument(line, b"/data/a"));
        assert!(!has_argument(line, b"/data/a/mongo2"));
        assert!(!has_argument(b"", b"/data/a/mongo"));
    }

    #[test]
    fn a_process_without_the_argument_is_not_ours() {
        assert!(!is_ours(std::process::id(), Path::new("/nowhere/mongo")));
    }
}
