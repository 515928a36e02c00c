//! A child process that never outlives its parent.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use super::log::Log;
use super::{EngineError, files};

/// How long an engine may take to end after SIGTERM.
const STOP_GRACE: Duration = Duration::from_secs(15);

/// A running engine.
pub(super) struct Child {
    name: &'static str,
    pid: u32,
    pid_file: PathBuf,
    log: Log,
    exit: watch::Receiver<Option<ExitStatus>>,
}

impl Child {
    /// Starts the command with its output in `<dir>/<name>.log` and its pid in
    /// `<dir>/<name>.pid`.
    pub(super) async fn spawn(
        name: &'static str,
        mut command: Command,
        dir: &Path,
    ) -> Result<Self, EngineError> {
        let (log, file) = Log::open(dir, name)?;
        let errors = file.try_clone().map_err(EngineError::file(log.path()))?;
        command.stdin(Stdio::null()).stdout(file).stderr(errors);
        // Its own process group: Ctrl-C in a terminal must reach us first, not the engines.
        command.process_group(0);
        die_with_parent(&mut command);

        let program = PathBuf::from(command.get_program());
        let (pid, exit) = run(name, command)
            .await
            .map_err(EngineError::file(&program))?;
        let child = Self {
            name,
            pid,
            pid_file: pid_file(dir, name),
            log,
            exit,
        };
        fs::write(&child.pid_file, pid.to_string()).map_err(EngineError::file(&child.pid_file))?;
        Ok(child)
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    /// Resolves when the process has ended.
    pub(super) async fn exited(&self) -> ExitStatus {
        let mut exit = self.exit.clone();
        match exit.wait_for(Option::is_some).await {
            Ok(status) => status.unwrap_or_default(),
            Err(_sender_gone) => ExitStatus::default(),
        }
    }

    /// The error that tells that it ended by itself.
    pub(super) fn exit_error(&self, status: ExitStatus) -> EngineError {
        EngineError::Exited {
            name: self.name,
            pid: self.pid,
            status: status.to_string(),
            log: self.log.path().to_owned(),
            lines: self.log.last_words(),
        }
    }

    /// Asks it to end, waits, and ends it by force if it does not.
    pub(super) async fn stop(self) {
        self.signal(Signal::TERM);
        if timeout(STOP_GRACE, self.exited()).await.is_err() {
            tracing::warn!(
                "{} (pid {}) has not ended {} s after SIGTERM: killing it",
                self.name,
                self.pid,
                STOP_GRACE.as_secs()
            );
            self.signal(Signal::KILL);
            self.exited().await;
        }
        let _gone_already = fs::remove_file(&self.pid_file);
    }

    fn signal(&self, signal: Signal) {
        if self.exit.borrow().is_some() {
            return;
        }
        if let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) {
            let _ended_meanwhile = kill_process(pid, signal);
        }
    }
}

impl Drop for Child {
    /// Whoever drops it without `stop` is on the way out, for example interrupted.
    fn drop(&mut self) {
        self.signal(Signal::TERM);
    }
}

/// Where the pid of an engine is kept.
pub(super) fn pid_file(dir: &Path, name: &str) -> PathBuf {
    files::beside(&dir.join(name), "pid")
}

/// Spawns from a thread that then waits for the child: the signal of `die_with_parent` comes
/// when the spawning *thread* ends, so it must be one that lives as long as the process.
async fn run(
    name: &str,
    mut command: Command,
) -> io::Result<(u32, watch::Receiver<Option<ExitStatus>>)> {
    let (started, spawned) = oneshot::channel();
    let (ended, exit) = watch::channel(None);
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || match command.spawn() {
            Ok(mut child) => {
                let _nobody_waits = started.send(Ok(child.id()));
                ended.send_replace(Some(child.wait().unwrap_or_default()));
            }
            Err(error) => {
                let _nobody_waits = started.send(Err(error));
            }
        })?;
    let pid = spawned.await.map_err(io::Error::other)??;
    Ok((pid, exit))
}

/// Has the system kill the child when its parent dies, however that happens.
#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "pre_exec is the only way to call prctl in the child"
)]
fn die_with_parent(command: &mut Command) {
    use rustix::process::{getpid, getppid, set_parent_process_death_signal};

    let parent = getpid();
    // SAFETY: between fork and exec only two system calls are made; nothing is allocated and
    // no lock is taken.
    unsafe {
        command.pre_exec(move || {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            // The parent may have died before the line above: then no signal will come.
            if getppid() == Some(parent) {
                Ok(())
            } else {
                Err(io::Error::from(io::ErrorKind::BrokenPipe))
            }
        });
    }
}

/// Elsewhere an orphan is left until the next start.
#[cfg(not(target_os = "linux"))]
fn die_with_parent(_command: &mut Command) {}
