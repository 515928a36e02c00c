//! The API as a separate process.

use std::path::Path;

use super::process::{Process, patron};
use engines::Engines;

/// API key of the benchmark.
pub(super) const KEY: &str = "bench-bench-bench-bench";

/// Secret with which the benchmark's vendor signs receipts.
pub(super) const VENDOR_SECRET: &str = "whsec_YmVuY2gtYmVuY2gtYmVuY2gtYmVuY2g=";

/// Running `patron serve`.
pub(super) struct ApiProcess {
    pub(super) process: Process,
    pub(super) address: String,
}

impl ApiProcess {
    /// Starts the API on a free port, without rate limits.
    pub(super) async fn start(engines: &Engines) -> anyhow::Result<Self> {
        Self::start_program(&patron()?, engines).await
    }

    /// Starts the API of another build, as [`start`](Self::start) does.
    pub(super) async fn start_program(program: &Path, engines: &Engines) -> anyhow::Result<Self> {
        let unlimited = [
            ("PATRON_RATE_PER_CREDENTIAL", "0"),
            ("PATRON_RATE_PER_ADDRESS", "0"),
        ];
        Self::start_with(program, engines, &unlimited).await
    }

    /// Starts the API on a free port, with the default rate limits.
    pub(super) async fn start_limited(engines: &Engines) -> anyhow::Result<Self> {
        Self::start_with(&patron()?, engines, &[]).await
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
