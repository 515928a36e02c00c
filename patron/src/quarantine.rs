//! `patron quarantine`: lists events that views could not fold, and retries or skips them.

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

/// Maximum number of entries that are listed.
const LIST_LIMIT: usize = 1_000;

/// Options of `patron quarantine`.
#[derive(Args)]
pub(crate) struct QuarantineArgs {
    #[command(subcommand)]
    command: QuarantineOperation,
}

#[derive(Subcommand)]
enum QuarantineOperation {
    /// List events that views could not fold, and the documents that they affect
    List(ListArgs),
    /// Have the views fold an event again, such as after an update of Patron
    Retry(DecideArgs),
    /// Have the views skip an event permanently; rebuilds skip it too
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

    /// Reason for the audit trail, at most 512 bytes
    #[arg(long)]
    reason: String,

    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(args: QuarantineArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        QuarantineOperation::List(args) => list(args).await,
        QuarantineOperation::Retry(args) => decide(args, QuarantineCommand::Retry).await,
        QuarantineOperation::Skip(args) => decide(args, QuarantineCommand::Skip).await,
    }
}

async fn list(args: ListArgs) -> anyhow::Result<ExitCode> {
    let opened = args.target.open().await?;
    let store = &opened.deployment.store;
    // Both reads end before the target is closed, so that an error does not leave its engines
    // running.
    let read = async {
        anyhow::Ok((
            store.count_withheld().await?,
            store.withheld(LIST_LIMIT).await?,
        ))
    };
    let read = read.await;
    opened.close().await;
    let (counts, withheld) = read?;
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

/// Prints one entry of the quarantine as a line.
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
    let opened = args.target.open().await?;
    let decided = record_decision(&opened.deployment, args.position, reason, command).await;
    opened.close().await;
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
