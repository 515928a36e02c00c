//! `patron bench`: how fast it is here, against what its engines can do in the
//! same run.
//!
//! Each benchmark starts engines of its own in a directory that it removes
//! again, so that nothing it does touches a deployment.

mod api_process;
mod assist;
mod audit_rows;
mod bulk;
mod campaign;
mod columns;
mod customers;
mod http;
mod ingest;
mod orders;
mod pipeline;
mod process;
mod raw_mongo;
mod raw_redis;
mod rebuild;
mod report;
mod segments;
mod strangers;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};

use crate::engines::{EngineOptions, Engines};
use crate::output::say;
use report::Report;

/// Options of `patron bench`.
#[derive(Args)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    what: What,

    /// Print JSON
    #[arg(long, global = true)]
    json: bool,

    /// Directory for fetched programs and, while it runs, for the benchmark's own data
    #[arg(long, default_value = ".patron", global = true)]
    data_dir: PathBuf,
}

#[derive(Subcommand)]
enum What {
    /// Orders over HTTP, in bulk and one by one, against raw XADD and /healthz; memory
    Ingest(ingest::IngestArgs),
    /// Rebuilds of `customers` and `audit`, against raw updates and inserts
    Rebuild(rebuild::RebuildArgs),
    /// Counts and previews of common rules, against what one would write by hand
    Segments(segments::SegmentsArgs),
    /// Help in plain words: reading requests, and what looks at all customers, against reading them
    Assist(assist::AssistArgs),
    /// A campaign from its launch to its last receipt, with all that takes part; memory of the workers
    Campaign(campaign::CampaignArgs),
    /// Orders from HTTP to all views: speed, how soon they can be read, what rest costs, and shares of workers
    Pipeline(pipeline::PipelineArgs),
    /// An import alone, and beside a flood of requests with wrong keys
    Strangers(strangers::StrangersArgs),
}

pub(crate) async fn run(args: BenchArgs) -> anyhow::Result<ExitCode> {
    let dir = args.data_dir.join(format!("bench-{}", std::process::id()));
    let engines = start(&args.data_dir, &dir).await?;
    let measured = match &args.what {
        What::Ingest(args) => ingest::run(args, &engines).await,
        What::Rebuild(args) => rebuild::run(args, &engines).await,
        What::Segments(args) => segments::run(args, &engines).await,
        What::Assist(args) => assist::run(args, &engines).await,
        What::Campaign(args) => campaign::run(args, &engines, &dir).await,
        What::Pipeline(args) => pipeline::run(args, &engines).await,
        What::Strangers(args) => strangers::run(args, &engines).await,
    };
    engines.stop().await;
    std::fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    let report: Report = measured?;
    say(if args.json {
        report.to_json().to_string()
    } else {
        report.to_table()
    });
    Ok(ExitCode::SUCCESS)
}

async fn start(data_dir: &Path, dir: &Path) -> anyhow::Result<Engines> {
    let bin_dir = std::env::var_os("PATRON_BIN_DIR").map(PathBuf::from);
    let options = EngineOptions {
        data_dir: dir.to_owned(),
        redis_url: None,
        mongodb_uri: None,
        bin_dir: Some(bin_dir.unwrap_or_else(|| data_dir.join("bin"))),
    };
    Ok(Engines::start(&options).await?)
}
