//! This same program as a process of its own, so that its memory and what it
//! computes can be told.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::engines::Engines;

/// How finely Linux tells processor time.
const TICK: Duration = Duration::from_millis(10);

/// A running `patron`, ended when dropped.
pub(super) struct Process {
    child: Child,
    pub(super) pid: u32,
    /// The first line that it printed.
    pub(super) line: String,
}

impl Process {
    /// Starts it on the benchmark's deployment; returns once it has said
    /// something.
    pub(super) async fn start(
        engines: &Engines,
        args: &[&str],
        env: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        Self::start_program(&std::env::current_exe()?, engines, args, env).await
    }

    /// As [`start`](Self::start), of another build of the program.
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
            .env("PATRON_NAMESPACE", "bench")
            .env("PATRON_DATABASE", "bench")
            .env("PATRON_LOG", "warn")
            .envs(env.iter().copied())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().context("it has only just begun")?;
        let out = child.stdout.take().context("its output is piped")?;
        let line = BufReader::new(out).lines().next_line().await?;
        let line = line.with_context(|| format!("patron {args:?} ended at once"))?;
        Ok(Self { child, pid, line })
    }

    /// Lets it finish what it has in hand.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        kill_process(pid.context("a process has a pid")?, Signal::TERM)?;
        self.child.wait().await?;
        Ok(())
    }

    /// The memory it has resident now, in bytes.
    pub(super) fn resident(&self) -> anyhow::Result<u64> {
        self.memory("VmRSS:")
    }

    /// The most memory it ever had resident, in bytes.
    pub(super) fn peak(&self) -> anyhow::Result<u64> {
        self.memory("VmHWM:")
    }

    fn memory(&self, field: &str) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let field = status.lines().find_map(|line| line.strip_prefix(field));
        let kib = field.and_then(|field| field.split_whitespace().next());
        Ok(kib.unwrap_or_default().parse::<u64>()? * 1024)
    }
}

/// How long a process has computed until now, on all cores together.
pub(super) fn computed(pid: u32) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name before it may hold anything but ends with the last `)`.
    let (_, fields) = stat.rsplit_once(')').context("a process has a name")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let [user, system] = [11, 12].map(|at| fields.get(at).copied().unwrap_or_default());
    let ticks: u32 = user.parse::<u32>()? + system.parse::<u32>()?;
    Ok(TICK * ticks)
}
