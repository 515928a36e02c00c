//! `patron` as a separate process, so that its memory and processor time can be measured.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::deployment::{ADDRESS_KEY, NAME};
use engines::Engines;

/// Unit of processor time in `/proc`.
const TICK: Duration = Duration::from_millis(10);

/// Running `patron`, killed when dropped.
pub(super) struct Process {
    child: Child,
    pub(super) pid: u32,
    /// First line of its output.
    pub(super) line: String,
}

impl Process {
    /// Starts `patron` on the benchmark's deployment. Returns when it has printed a line.
    pub(super) async fn start(
        engines: &Engines,
        args: &[&str],
        env: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        Self::start_program(&patron()?, engines, args, env).await
    }

    /// Starts another build of the program, as [`start`](Self::start) does.
    pub(super) async fn start_program(
        program: &Path,
        engines: &Engines,
        args: &[&str],
        env: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let mut child = Command::new(program)
            .args(args)
            .env("REDIS_URL", &engines.redis_url)
            .env("MONGODB_URI", &engines.mongodb_uri)
            .env("PATRON_ADDRESS_KEY", ADDRESS_KEY)
            .env("PATRON_NAMESPACE", NAME)
            .env("PATRON_DATABASE", NAME)
            .env("PATRON_LOG", "warn")
            .envs(env.iter().copied())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().context("the process has a pid")?;
        let out = child.stdout.take().context("the output is piped")?;
        let line = BufReader::new(out).lines().next_line().await?;
        let line = line.with_context(|| format!("patron {args:?} ended at once"))?;
        Ok(Self { child, pid, line })
    }

    /// Stops the process with SIGTERM, so that it finishes its work, and waits for its end.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        kill_process(pid.context("a process has a pid")?, Signal::TERM)?;
        self.child.wait().await?;
        Ok(())
    }

    /// Returns the resident memory, in bytes.
    pub(super) fn resident(&self) -> anyhow::Result<u64> {
        memory(self.pid, "VmRSS:")
    }

    /// Returns the peak of the resident memory, in bytes.
    pub(super) fn peak(&self) -> anyhow::Result<u64> {
        peak_of(self.pid)
    }
}

/// Returns the peak of the resident memory of any process, in bytes.
pub(super) fn peak_of(pid: u32) -> anyhow::Result<u64> {
    memory(pid, "VmHWM:")
}

fn memory(pid: u32, field: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = field.and_then(|field| field.split_whitespace().next());
    Ok(kib.unwrap_or_default().parse::<u64>()? * 1024)
}

/// Returns the path of `patron`, which is built into the same directory as this program.
pub(super) fn patron() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("patron");
    anyhow::ensure!(
        program.exists(),
        "there is no {}: build it with `cargo build --release`",
        program.display()
    );
    Ok(program)
}

/// Processor time of each process, by the process's name.
pub(super) type CpuTimes = Vec<(String, Duration)>;

/// Returns the processor time of each process since its start. Leaves out processes without a pid,
/// which the benchmark did not start.
pub(super) fn cpu_times<N: Into<String>>(
    pids: impl IntoIterator<Item = (N, Option<u32>)>,
) -> anyhow::Result<CpuTimes> {
    let started = pids
        .into_iter()
        .filter_map(|(name, pid)| Some((name, pid?)));
    started
        .map(|(name, pid)| Ok((name.into(), cpu_time(pid)?)))
        .collect()
}

/// Returns the processor time between two measurements of the same processes.
pub(super) fn cpu_times_between(before: CpuTimes, after: CpuTimes) -> CpuTimes {
    let both = before.into_iter().zip(after);
    both.map(|((name, before), (_, after))| (name, after.saturating_sub(before)))
        .collect()
}

/// Returns the processor time of a process since its start, over all cores.
fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The process name before the fields may contain any character, but it ends with the last `)`.
    let (_, fields) = stat.rsplit_once(')').context("a process has a name")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let [user, system] = [11, 12].map(|at| fields.get(at).copied().unwrap_or_default());
    let ticks: u32 = user.parse::<u32>()? + system.parse::<u32>()?;
    Ok(TICK * ticks)
}
