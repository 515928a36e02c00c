//! `patron bench`: speed and memory on this machine, compared with the bare engines in the same
//! run.
//!
//! Each benchmark starts engines of its own in a temporary directory, so that it never touches a
//! deployment.

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
use report::BenchReport;

/// Options of `patron bench`.
#[derive(Args)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    benchmark: Benchmark,

    /// Print JSON
    #[arg(long, global = true)]
    json: bool,

    /// Directory of fetched programs and, during the run, of the benchmark's data
    #[arg(long, default_value = ".patron", global = true)]
    data_dir: PathBuf,
}

#[derive(Subcommand)]
enum Benchmark {
    /// Measure orders over HTTP, in bulk and one by one, against raw XADD and /healthz; and memory
    Ingest(ingest::IngestArgs),
    /// Measure rebuilds of `customers` and `audit`, against raw updates and inserts
    Rebuild(rebuild::RebuildArgs),
    /// Measure counts and previews of common rules, against queries written by hand
    Segments(segments::SegmentsArgs),
    /// Measure help in plain words: parsing requests, and queries over all customers
    Assist(assist::AssistArgs),
    /// Measure a campaign from its launch to its last receipt, and the workers' memory
    Campaign(campaign::CampaignArgs),
    /// Measure orders from HTTP to all views: throughput, time until they can be read, idle cost,
    /// and how two workers share the work
    Pipeline(pipeline::PipelineArgs),
    /// Measure an import alone, and during a flood of requests with wrong keys
    Strangers(strangers::StrangersArgs),
}

pub(crate) async fn run(args: BenchArgs) -> anyhow::Result<ExitCode> {
    let dir = args.data_dir.join(format!("bench-{}", std::process::id()));
    let engines = start(&args.data_dir, &dir).await?;
    let measured = match &args.benchmark {
        Benchmark::Ingest(args) => ingest::run(args, &engines).await,
        Benchmark::Rebuild(args) => rebuild::run(args, &engines).await,
        Benchmark::Segments(args) => segments::run(args, &engines).await,
        Benchmark::Assist(args) => assist::run(args, &engines).await,
        Benchmark::Campaign(args) => campaign::run(args, &engines, &dir).await,
        Benchmark::Pipeline(args) => pipeline::run(args, &engines).await,
        Benchmark::Strangers(args) => strangers::run(args, &engines).await,
    };
    engines.stop().await;
    std::fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    let report: BenchReport = measured?;
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
