//! `patron log`: prints events as they are in the log, and accepts a restored log.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use commands::Context;
use domain::{Acceptance, Epoch, Text, Timestamp};
use eventlog::{Entry, Log, Position};
use futures::future::try_join_all;
use projections::VIEWS;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::deployment::{Deployment, Target};
use crate::output::{operator, say};
use crate::signals;

/// Maximum number of events per read while following.
const BATCH: usize = 1_000;

/// Options of `patron log`.
#[derive(Args)]
pub(crate) struct LogArgs {
    #[command(subcommand)]
    command: LogCommand,
}

#[derive(Subcommand)]
enum LogCommand {
    /// Print the event at a position as a line of JSON
    Show(ShowArgs),
    /// Print the last events as lines of JSON
    Tail(TailArgs),
    /// Accept the log as Redis has it now, such as a restored copy
    ///
    /// Patron appends nothing to a Redis that came back empty or with an older copy of the log.
    /// This command gives the log a new epoch, so that appends continue. Events that the copy
    /// lacks are lost. Rebuild every view afterwards: until then the views are stalled.
    Accept(AcceptArgs),
}

#[derive(Args)]
struct ShowArgs {
    /// Partition and event number, such as 3:1842
    position: Position,

    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
struct TailArgs {
    /// Number of past events to print
    #[arg(short = 'n', long, default_value_t = 10)]
    lines: usize,

    /// Continue with new events as they are appended, until Ctrl-C
    #[arg(short, long)]
    follow: bool,

    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
struct AcceptArgs {
    /// Reason for the audit trail, at most 512 bytes
    #[arg(long)]
    reason: String,

    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(args: LogArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        LogCommand::Show(args) => show(args).await,
        LogCommand::Tail(args) => tail(args).await,
        LogCommand::Accept(args) => accept(args).await,
    }
}

async fn show(args: ShowArgs) -> anyhow::Result<ExitCode> {
    let opened = args.target.open().await?;
    let found = opened.deployment.log.entries(&[args.position]).await;
    opened.close().await;
    match found?.pop().flatten() {
        Some(event) => say(line(&event)),
        None => bail!("the log has no event at {}", args.position),
    }
    Ok(ExitCode::SUCCESS)
}

async fn tail(args: TailArgs) -> anyhow::Result<ExitCode> {
    let stop = signals::stop_token()?;
    let opened = args.target.open().await?;
    let printed = async {
        let log = &opened.deployment.log;
        let ends = print_last(log, args.lines).await?;
        if args.follow {
            let followed = ends.into_iter().map(|end| follow(log, end));
            if let Some(followed) = stop.run_until_cancelled(try_join_all(followed)).await {
                followed?;
            }
        }
        anyhow::Ok(())
    };
    let printed = printed.await;
    opened.close().await;
    printed.map(|()| ExitCode::SUCCESS)
}

/// Prints the last events of all partitions, ordered by time. Returns the position in each
/// partition up to which events were read.
async fn print_last(log: &Log, lines: usize) -> anyhow::Result<Vec<Position>> {
    let ends = log.ends().await?;
    let floors = log.floors().await?;
    let mut events = Vec::new();
    for (end, floor) in ends.iter().zip(floors) {
        let before = end.number.saturating_sub(lines as u64);
        let from = Position {
            number: before.max(floor.number - 1),
            ..*end
        };
        let last = log.read(from, lines).await?;
        events.extend(
            last.into_iter()
                .filter(|event| event.position.number <= end.number),
        );
    }
    events.sort_by_cached_key(|event| (time_of(event), event.position));
    let surplus = events.len().saturating_sub(lines);
    for event in &events[surplus..] {
        say(line(event));
    }
    Ok(ends)
}

/// Prints the events of a partition after a position, and new ones as they are appended.
async fn follow(log: &Log, after: Position) -> anyhow::Result<()> {
    let tails = log.tails();
    let mut end = tails.of(after.partition).context("no such partition")?;
    let mut at = after;
    loop {
        let events = log.read(at, BATCH).await?;
        match events.last() {
            Some(last) => at = last.position,
            // The watched end is 0 until the partition was first read, so only a larger number
            // means that there is a new event.
            None => drop(end.wait_for(|end| *end > at.number).await?),
        }
        for event in &events {
            say(line(event));
        }
    }
}

fn time_of(event: &Entry) -> String {
    let metadata: Option<Value> = serde_json::from_str(&event.meta).ok();
    let at = metadata
        .as_ref()
        .and_then(|metadata| metadata["at"].as_str());
    at.unwrap_or_default().to_owned()
}

/// Returns an event as JSON. Data or metadata that is not JSON, as in a damaged log, becomes a
/// string.
fn line(event: &Entry) -> Value {
    let json = |text: &str| -> Value {
        serde_json::from_str::<Box<RawValue>>(text)
            .and_then(serde_json::to_value)
            .unwrap_or_else(|_| text.into())
    };
    json!({
        "position": event.position.to_string(),
        "key": event.key,
        "version": event.version,
        "previous": event.previous,
        "type": event.tag,
        "data": json(&event.data),
        "metadata": json(&event.meta),
    })
}

async fn accept(args: AcceptArgs) -> anyhow::Result<ExitCode> {
    let reason = Text::try_from(args.reason).context("--reason")?;
    let (opened, epoch, previous) = args.target.accept().await?;
    let recorded = record(&opened.deployment, &epoch, previous, reason).await;
    opened.close().await;
    let end = recorded?;
    say(format_args!(
        "accepted the log up to {end}; its epoch is {epoch}"
    ));
    let views: Vec<&str> = VIEWS.iter().map(|view| view.name()).collect();
    let views = views.join(", ");
    say(format_args!(
        "rebuild every view with `patron rebuild VIEW`: {views}"
    ));
    Ok(ExitCode::SUCCESS)
}

/// Records that an operator accepted the log. Returns the positions at its end.
async fn record(
    deployment: &Deployment,
    epoch: &str,
    previous: Option<String>,
    reason: Text<512>,
) -> anyhow::Result<String> {
    let ends: eventlog::Positions = deployment.log.ends().await?.into_iter().collect();
    let acceptance = Acceptance {
        reason,
        previous: previous.and_then(|previous| Epoch::try_from(previous).ok()),
        end: ends.to_string(),
    };
    let context = Context {
        actor: operator(),
        request: None,
        address: None,
        now: Timestamp::from(chrono::Utc::now()),
    };
    let epoch = Epoch::try_from(epoch)?;
    let commands = &deployment.commands;
    commands
        .record_acceptance(&context, epoch, acceptance)
        .await?;
    Ok(ends.to_string())
}
