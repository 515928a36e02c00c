//! The API as a process of its own.

use std::path::Path;

use super::process::Process;
use crate::engines::Engines;

/// The key that the benchmark uses.
pub(super) const KEY: &str = "bench-bench-bench-bench";

/// What the benchmark's vendor signs with.
pub(super) const VENDOR_SECRET: &str = "whsec_YmVuY2gtYmVuY2gtYmVuY2gtYmVuY2g=";

/// A running `patron serve`.
pub(super) struct ApiProcess {
    pub(super) process: Process,
    pub(super) address: String,
}

impl ApiProcess {
    /// Starts it on any free port; it takes as much as it is sent.
    pub(super) async fn start(engines: &Engines) -> anyhow::Result<Self> {
        Self::start_program(&std::env::current_exe()?, engines).await
    }

    /// As [`start`](Self::start), of another build of the program.
    pub(super) async fn start_program(program: &Path, engines: &Engines) -> anyhow::Result<Self> {
        let unlimited = [
            ("PATRON_RATE_PER_CREDENTIAL", "0"),
            ("PATRON_RATE_PER_ADDRESS", "0"),
        ];
        Self::start_with(program, engines, &unlimited).await
    }

    /// As [`start`](Self::start), with the usual limits.
    pub(super) async fn start_limited(engines: &Engines) -> anyhow::Result<Self> {
        Self::start_with(&std::env::current_exe()?, engines, &[]).await
    }

    async fn start_with(
        program: &Path,
        engines: &Engines,
        limits: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let secrets = [
            ("PATRON_BOOTSTRAP_KEY", KEY),
            ("PATRON_VENDOR_SECRET", VENDOR_SECRET),
        ];
        let env = [&secrets, limits].concat();
        let args = ["serve", "--listen", "127.0.0.1:0"];
        let process = Process::start_program(program, engines, &args, &env).await?;
        let address = process.line.rsplit("http://").next().unwrap_or_default();
        let address = address.to_owned();
        Ok(Self { process, address })
    }
}
