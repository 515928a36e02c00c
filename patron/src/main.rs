//! The `patron` binary: the command line, and the composition of all crates. No library crate
//! reads the environment.

mod assistant;
mod console;
mod contacts;
mod delivery;
mod demo_shop;
mod deployment;
mod duration;
mod health;
mod import_files;
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
mod settings;
mod sign_in;
mod signals;
mod simulated_vendor;
mod status;
mod up;
mod verify;
mod work;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use futures::future::LocalBoxFuture;

use crate::settings::Settings;

/// Allocator for many small objects that are allocated on one thread and freed on another, such
/// as entries, events and documents. With glibc's, free lists dominate the profile of a rebuild.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit status of a wrong command line (`EX_USAGE`). Others, such as 2, belong to commands.
const WRONG_USAGE: u8 = 64;

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
    /// Run the API alone; any number of API processes can run
    Serve(serve::ServeArgs),
    /// Run the workers alone; any number of worker processes share the work
    Work(work::WorkArgs),
    Import(Box<import::ImportArgs>),
    /// Load made data into an empty deployment: a shop with two years of customers and orders
    Demo(demo_shop::DemoArgs),
    /// Rebuild a view from the log without downtime
    Rebuild(rebuild::RebuildArgs),
    /// Show the log, the engines, the workers, and the lag of each view
    Status(status::StatusArgs),
    /// Count the customers that rules match, and show some
    Segment(segment::SegmentArgs),
    /// Print events of the log as JSON, or accept a restored log
    Log(log::LogArgs),
    /// List events that views could not fold, and retry or skip them
    Quarantine(quarantine::QuarantineArgs),
    /// Compare every head and a sample of every view with the log
    Verify(verify::VerifyArgs),
    /// Account for every recipient of a campaign from the log, and compare the views with it
    Reconcile(reconcile::ReconcileArgs),
    /// Run the simulated messaging vendor alone: it accepts messages and posts signed receipts
    Vendor(Box<simulated_vendor::VendorArgs>),
    /// Start only Redis and MongoDB, print one line of JSON with their URLs, and run until Ctrl-C
    /// or, if standard input is a pipe, until it is closed
    Engines(engines::EngineOptions),
    /// Check a server's health; the exit status is 0 if it is healthy
    Health(health::HealthArgs),
}

#[tokio::main]
async fn main() -> ExitCode {
    let program = Cli::command();
    let parsed = program.clone().try_get_matches();
    let parsed = parsed.and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return answer_usage(&error),
    };
    let settings = Settings::of(&program, &matches);
    logging::start();
    // The dependencies enable two TLS providers, and rustls panics unless one is chosen for the
    // whole process.
    let _already_set = rustls::crypto::aws_lc_rs::default_provider().install_default();
    // Boxed: a future that contained those of all commands would be compiled, with all of them,
    // once for each place in the runtime that polls it, and would be as large as the largest one.
    let command: LocalBoxFuture<'_, anyhow::Result<ExitCode>> = match cli.command {
        Command::Up(args) => Box::pin(up::run(args, settings)),
        Command::Serve(args) => Box::pin(serve::run(args, settings)),
        Command::Work(args) => Box::pin(work::run(args)),
        Command::Import(args) => Box::pin(import::run(*args)),
        Command::Demo(args) => Box::pin(demo_shop::run(args)),
        Command::Rebuild(args) => Box::pin(rebuild::run(args)),
        Command::Status(args) => Box::pin(status::run(args)),
        Command::Segment(args) => Box::pin(segment::run(args)),
        Command::Log(args) => Box::pin(log::run(args)),
        Command::Quarantine(args) => Box::pin(quarantine::run(args)),
        Command::Verify(args) => Box::pin(verify::run(args)),
        Command::Reconcile(args) => Box::pin(reconcile::run(args)),
        Command::Vendor(args) => Box::pin(simulated_vendor::run(*args)),
        Command::Engines(options) => Box::pin(async move {
            engines::command::run(&options).await?;
            Ok(ExitCode::SUCCESS)
        }),
        Command::Health(args) => Box::pin(health::run(args)),
    };
    command.await.unwrap_or_else(|error| {
        eprintln!("patron: {error:#}");
        ExitCode::FAILURE
    })
}

/// Prints the manual that was asked for, or what is wrong with the command line.
fn answer_usage(error: &clap::Error) -> ExitCode {
    // A closed output changes nothing.
    let _printed = error.print();
    match error.use_stderr() {
        true => ExitCode::from(WRONG_USAGE),
        false => ExitCode::SUCCESS,
    }
}
