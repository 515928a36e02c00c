//! `patron health`: health check for containers, which may not have curl.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::ensure;
use clap::Args;

/// Options of `patron health`.
#[derive(Args)]
pub(crate) struct HealthArgs {
    /// URL to request
    #[arg(long, default_value = "http://127.0.0.1:8080/healthz")]
    url: String,
}

pub(crate) async fn run(args: HealthArgs) -> anyhow::Result<ExitCode> {
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(5))
        .no_proxy()
        .build()?;
    let status = client.get(&args.url).send().await?.status();
    ensure!(status.is_success(), "{} answered {status}", args.url);
    Ok(ExitCode::SUCCESS)
}
