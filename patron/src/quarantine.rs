//! `patron quarantine`: events that views could not fold, and what to do about
//! them.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use commands::Context;
use domain::{LogPosition, QuarantineCommand, QuarantineDecision, Text, Timestamp};
use eventlog::Position;
use projections::Withheld;
use serde_json::json;

use crate::deployment::{Deployment, Target};
use crate::output::{grouped, operator, say};

/// The most entries that are listed.
const LISTED: usize = 1_000;

/// Options of `patron quarantine`.
#[derive(Args)]
pub(crate) struct QuarantineArgs {
    #[command(subcommand)]
    command: Operation,
}

#[derive(Subcommand)]
enum Operation {
    /// List events that views could not fold, and the documents that they hold back
    List(ListArgs),
    /// Let the views try an event once more, such as after an update of Patron
    Retry(DecideArgs),
    /// Let the views do without an event, for good; rebuilds leave it out too
    Skip(DecideArgs),
}

#[derive(Args)]
struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
struct DecideArgs {
    /// Partition and event number, such as 3:1842
    position: Position,

    /// Why, for the audit trail; at most 512 bytes
    #[arg(long)]
    reason: String,

    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(args: QuarantineArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        Operation::List(args) => list(args).await,
        Operation::Retry(args) => decide(args, QuarantineCommand::Retry).await,
        Operation::Skip(args) => decide(args, QuarantineCommand::Skip).await,
    }
}

async fn list(args: ListArgs) -> anyhow::Result<ExitCode> {
    let reached = args.target.reach().await?;
    let store = &reached.deployment.store;
    let found =
        async { anyhow::Ok((store.count_withheld().await?, store.withheld(LISTED).await?)) };
    let found = found.await;
    reached.leave().await;
    let (counts, withheld) = found?;
    let total: u64 = counts.iter().map(|(_, count)| count).sum();
    if args.json {
        let items: Vec<_> = withheld.iter().map(entry).collect();
        say(json!({"total": total, "items": items}));
        return Ok(ExitCode::SUCCESS);
    }
    if withheld.is_empty() {
        say("the quarantine is empty");
    }
    withheld.iter().for_each(print);
    let more = total.saturating_sub(withheld.len() as u64);
    if more > 0 {
        say(format_args!("… and {} more", grouped(more)));
    }
    Ok(ExitCode::SUCCESS)
}

fn entry(withheld: &Withheld) -> serde_json::Value {
    json!({
        "position": withheld.position().to_string(),
        "view": withheld.view,
        "document": withheld.document,
        "effect": withheld.effect(),
        "reason": withheld.reason,
        "since": Timestamp::from(withheld.since.to_chrono()),
    })
}

/// Prints an event that a view could not fold.
pub(crate) fn print(withheld: &Withheld) {
    let (position, effect) = (withheld.position().to_string(), withheld.effect());
    let (view, document, reason) = (&withheld.view, &withheld.document, &withheld.reason);
    say(format_args!(
        "  {position:<12} {effect:<10} {view} {document}: {reason}"
    ));
}

async fn decide(
    args: DecideArgs,
    command: fn(QuarantineDecision) -> QuarantineCommand,
) -> anyhow::Result<ExitCode> {
    let reason = Text::try_from(args.reason).context("--reason")?;
    let reached = args.target.reach().await?;
    let decided = record_decision(&reached.deployment, args.position, reason, command).await;
    reached.leave().await;
    let (views, at) = decided?;
    let (event, views) = (args.position, views.join(", "));
    say(format_args!(
        "recorded at {at} for the event at {event}: {views}"
    ));
    Ok(ExitCode::SUCCESS)
}

async fn record_decision(
    deployment: &Deployment,
    event: Position,
    reason: Text<512>,
    command: fn(QuarantineDecision) -> QuarantineCommand,
) -> anyhow::Result<(Vec<&'static str>, Position)> {
    let views = deployment.store.views_without(event).await?;
    if views.is_empty() {
        bail!("no view has the event at {event} in quarantine");
    }
    let command = command(QuarantineDecision::new(&views, reason)?);
    let context = Context {
        actor: operator(),
        request: None,
        address: None,
        now: Timestamp::from(chrono::Utc::now()),
    };
    let at = LogPosition::new(event.partition, event.number);
    let commands = &deployment.commands;
    let Ok(decided) = commands.execute(&context, at, command).await?;
    Ok((views, decided.position))
}
