//! Benchmarks: speed and memory on this machine, compared with the bare engines in the same
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
mod deployment;
mod http;
mod import;
mod ingest;
mod order_cost;
mod orders;
mod pipeline;
mod process;
mod raw_mongo;
mod raw_redis;
mod rebuild;
mod report;
mod segments;
mod strangers;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use engines::{EngineOptions, Engines};
use futures::future::LocalBoxFuture;
use tracing_subscriber::EnvFilter;

use report::BenchReport;

/// Allocator of `patron`, for the same reason: entries, events and documents are many small
/// allocations that one thread makes and another frees.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Benchmarks of Patron on engines that they start themselves
#[derive(Parser)]
#[command(name = "patron-bench", version)]
struct BenchArgs {
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
    /// Measure the import of a file of orders as a shop exports it, and the importer's memory
    Import(import::ImportArgs),
    /// Measure rebuilds of `customers` and `audit`, against raw updates and inserts
    Rebuild(rebuild::RebuildBenchArgs),
    /// Measure the memory of an order's head, and what indexes for mirrors add to its document
    OrderCost(order_cost::OrderCostArgs),
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

#[tokio::main]
async fn main() -> ExitCode {
    let args = BenchArgs::parse();
    let filter = EnvFilter::try_from_env("PATRON_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    // rustls panics on its first use if two providers are compiled in and none is the default.
    let _already_set = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("patron-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: BenchArgs) -> anyhow::Result<()> {
    let dir = args.data_dir.join(format!("bench-{}", std::process::id()));
    let engines = start(&args.data_dir, &dir).await?;
    // Boxed, like the commands of `patron`: the future of `main` is compiled several times.
    let benchmark: LocalBoxFuture<'_, anyhow::Result<BenchReport>> = match &args.benchmark {
        Benchmark::Ingest(args) => Box::pin(ingest::run(args, &engines)),
        Benchmark::Import(args) => Box::pin(import::run(args, &engines, &dir)),
        Benchmark::Rebuild(args) => Box::pin(rebuild::run(args, &engines)),
        Benchmark::OrderCost(args) => Box::pin(order_cost::run(args, &engines)),
        Benchmark::Segments(args) => Box::pin(segments::run(args, &engines)),
        Benchmark::Assist(args) => Box::pin(assist::run(args, &engines)),
        Benchmark::Campaign(args) => Box::pin(campaign::run(args, &engines, &dir)),
        Benchmark::Pipeline(args) => Box::pin(pipeline::run(args, &engines)),
        Benchmark::Strangers(args) => Box::pin(strangers::run(args, &engines)),
    };
    let measured = benchmark.await;
    engines.stop().await;
    std::fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    let report = measured?;
    let text = match args.json {
        true => report.to_json().to_string(),
        false => report.to_table(),
    };
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
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
