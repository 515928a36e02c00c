//! `patron`: the one binary.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod import;

/// An event-sourced CRM backend.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Import(Box<import::ImportArgs>),
}

#[tokio::main]
async fn main() -> ExitCode {
    let ended = match Cli::parse().command {
        Command::Import(args) => import::run(*args).await,
    };
    ended.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
