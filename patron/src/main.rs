//! Patron: the one binary.

mod engines;

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::engines::EngineOptions;

/// An event-sourced CRM backend.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start only Redis and MongoDB, print one line of JSON that tells where they are, and run
    /// until Ctrl-C or until standard input, if it is a pipe, is closed.
    Engines(EngineOptions),
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .init();
    let ended = match cli.command {
        Command::Engines(options) => engines::command::run(&options).await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("patron: {error:#}");
            ExitCode::FAILURE
        }
    }
}
