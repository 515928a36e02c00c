//! Child processes that do not outlive their parent.

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

use super::log::EngineLog;
use super::{EngineError, files};

/// Time that an engine has to end after SIGTERM.
const STOP_GRACE: Duration = Duration::from_secs(15);

/// A running engine.
pub(super) struct Child {
    name: &'static str,
    pid: u32,
    pid_file: PathBuf,
    log: EngineLog,
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
        let (log, file) = EngineLog::open(dir, name)?;
        let errors = file.try_clone().map_err(EngineError::file(log.path()))?;
        command.stdin(Stdio::null()).stdout(file).stderr(errors);
        // A process group of its own: Ctrl-C in a terminal must not reach the engines, which stop
        // last.
        command.process_group(0);
        die_with_parent(&mut command);

        let program = PathBuf::from(command.get_program());
        let (pid, exit) = spawn_on_thread(name, command)
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

    pub(super) fn log(&self) -> &EngineLog {
        &self.log
    }

    /// Waits until the process has ended, and returns its status.
    pub(super) async fn exited(&self) -> ExitStatus {
        let mut exit = self.exit.clone();
        match exit.wait_for(Option::is_some).await {
            Ok(status) => status.unwrap_or_default(),
            Err(_sender_gone) => ExitStatus::default(),
        }
    }

    /// Returns the error for an engine that ended unexpectedly, with the end of its log.
    pub(super) fn exit_error(&self, status: ExitStatus) -> EngineError {
        EngineError::Exited {
            name: self.name,
            pid: self.pid,
            status: status.to_string(),
            log: self.log.path().to_owned(),
            lines: self.log.last_relevant_lines(),
        }
    }

    /// Stops the process with SIGTERM, and with SIGKILL if it has not ended after `STOP_GRACE`.
    pub(super) async fn stop(self) {
        self.signal(Signal::TERM);
        if timeout(STOP_GRACE, self.exited()).await.is_err() {
            tracing::warn!(
                "{} (pid {}) did not end within {} s of SIGTERM: killing it",
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
    /// Sends SIGTERM without waiting. A child is dropped without `stop` only when the start of the
    /// engines failed or was interrupted.
    fn drop(&mut self) {
        self.signal(Signal::TERM);
    }
}

/// Returns the path of the file with an engine's pid.
pub(super) fn pid_file(dir: &Path, name: &str) -> PathBuf {
    files::with_added_extension(&dir.join(name), "pid")
}

/// Spawns the command from a thread that then waits for the child. Returns the pid, and a watch
/// that gets the status when the child ends.
async fn spawn_on_thread(
    name: &str,
    mut command: Command,
) -> io::Result<(u32, watch::Receiver<Option<ExitStatus>>)> {
    // The signal that `die_with_parent` requests is sent when the spawning *thread* ends. A
    // runtime's thread could end while the process lives; this one ends with the child.
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

/// Makes the system kill the child when its parent dies for any reason, even by SIGKILL.
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
            // The parent may have died before the line above; then no signal is ever sent.
            if getppid() == Some(parent) {
                Ok(())
            } else {
                Err(io::Error::from(io::ErrorKind::BrokenPipe))
            }
        });
    }
}

/// Does nothing on other systems: there an orphaned engine runs until the next start ends it.
#[cfg(not(target_os = "linux"))]
fn die_with_parent(_command: &mut Command) {}
