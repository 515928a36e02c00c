//! The API as a process of its own, so that its memory can be told.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Context;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::engines::Engines;

/// The key that the benchmark uses.
pub(super) const KEY: &str = "bench-bench-bench-bench";

/// A running `patron serve`, ended when dropped.
pub(super) struct ApiProcess {
    child: Child,
    pub(super) address: String,
}

impl ApiProcess {
    /// Starts this same program as an API on any free port.
    pub(super) async fn start(engines: &Engines) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("REDIS_URL", &engines.redis_url)
            .env("MONGODB_URI", &engines.mongodb_uri)
            .env("PATRON_NAMESPACE", "bench")
            .env("PATRON_DATABASE", "bench")
            .env("PATRON_BOOTSTRAP_KEY", KEY)
            .env("PATRON_LOG", "warn")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let out = child.stdout.take().context("its output is piped")?;
        let line = BufReader::new(out).lines().next_line().await?;
        let line = line.context("patron serve ended at once")?;
        let address = line.rsplit("http://").next().unwrap_or_default().to_owned();
        Ok(Self { child, address })
    }

    /// The memory it has resident now, in bytes.
    pub(super) fn resident(&self) -> anyhow::Result<u64> {
        let pid = self.child.id().context("patron serve has ended")?;
        let path = PathBuf::from(format!("/proc/{pid}/status"));
        let status = std::fs::read_to_string(path)?;
        let field = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
        let kib = field.and_then(|f| f.split_whitespace().next());
        Ok(kib.unwrap_or_default().parse::<u64>()? * 1024)
    }
}
