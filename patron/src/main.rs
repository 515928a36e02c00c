//! Patron: the one binary, and the only reader of the environment.

mod assistant;
mod bench;
mod delivery;
mod deployment;
mod engines;
mod health;
mod import;
mod key;
mod limits;
mod log;
mod logging;
mod output;
mod quarantine;
mod readiness;
mod rebuild;
mod reconcile;
mod segment;
mod serve;
mod sign_in;
mod signals;
mod simulated_vendor;
mod span;
mod status;
mod up;
mod verify;
mod work;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Entries, events and documents are many small pieces, made on one thread and
/// freed on another. glibc's free lists led the profile of a rebuild.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// An event-sourced CRM backend
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start everything on this machine: engines, API, workers and the simulated vendor
    Up(up::UpArgs),
    /// Run the API alone; any number of them can run
    Serve(serve::ServeArgs),
    /// Run the workers alone; any number of them share the work
    Work(work::WorkArgs),
    Import(Box<import::ImportArgs>),
    /// Throw a view away and fold it anew from the log, while the old one serves
    Rebuild(rebuild::RebuildArgs),
    /// Show partitions, views, how far behind they are, and the engines
    Status(status::StatusArgs),
    /// Count the customers that rules match, and show some
    Segment(segment::SegmentArgs),
    /// Print events of the log as JSON, or accept a restored log
    Log(log::LogArgs),
    /// List events that views could not fold, and decide about them
    Quarantine(quarantine::QuarantineArgs),
    /// Hold every head and a sample of every view against the log
    Verify(verify::VerifyArgs),
    /// Account for every recipient of a campaign by the log, and compare the views with it
    Reconcile(reconcile::ReconcileArgs),
    /// Run the simulated messaging vendor alone: it takes messages and posts signed receipts
    Vendor(Box<simulated_vendor::VendorArgs>),
    /// Start only Redis and MongoDB, print one line of JSON that tells where they are, and run
    /// until Ctrl-C or until standard input, if it is a pipe, is closed
    Engines(engines::EngineOptions),
    /// Measure speed and memory here, against the engines' own limit in the same run
    Bench(bench::BenchArgs),
    /// Ask a server whether it is well; the exit status tells
    Health(health::HealthArgs),
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    logging::start();
    // Two TLS providers in one program make rustls panic: this one is for all.
    let _already_set = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let ended = match cli.command {
        Command::Up(args) => up::run(args).await,
        Command::Serve(args) => serve::run(args).await,
        Command::Work(args) => work::run(args).await,
        Command::Import(args) => import::run(*args).await,
        Command::Rebuild(args) => rebuild::run(args).await,
        Command::Status(args) => status::run(args).await,
        Command::Segment(args) => segment::run(args).await,
        Command::Log(args) => log::run(args).await,
        Command::Quarantine(args) => quarantine::run(args).await,
        Command::Verify(args) => verify::run(args).await,
        Command::Reconcile(args) => reconcile::run(args).await,
        Command::Vendor(args) => simulated_vendor::run(*args).await,
        Command::Engines(options) => engines::command::run(&options)
            .await
            .map(|()| ExitCode::SUCCESS),
        Command::Bench(args) => bench::run(args).await,
        Command::Health(args) => health::run(args).await,
    };
    ended.unwrap_or_else(|error| {
        eprintln!("patron: {error:#}");
        ExitCode::FAILURE
    })
}
