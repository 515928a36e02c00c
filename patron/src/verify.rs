//! `patron verify`: compares heads and views with the log.

use std::process::ExitCode;

use clap::Args;
use commands::verify_heads;
use projections::{VIEWS, verify_documents};

use crate::deployment::{Deployment, Target};
use crate::output::{grouped, say};
use crate::quarantine;

/// Maximum number of differences that are printed of each kind.
const SHOWN: usize = 20;

/// Options of `patron verify`.
#[derive(Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(args: VerifyArgs) -> anyhow::Result<ExitCode> {
    let opened = args.target.open().await?;
    let found = verify(&opened.deployment).await;
    opened.close().await;
    Ok(match found? {
        0 => {
            say("everything agrees with the log");
            ExitCode::SUCCESS
        }
        found => {
            let noun = if found == 1 {
                "difference"
            } else {
                "differences"
            };
            say(format_args!("{found} {noun}"));
            ExitCode::FAILURE
        }
    })
}

/// Compares heads and views with the log. Returns the number of differences.
async fn verify(deployment: &Deployment) -> anyhow::Result<usize> {
    Ok(heads(deployment).await? + views(deployment).await?)
}

/// Compares heads with the log. Returns the number of differences.
async fn heads(deployment: &Deployment) -> anyhow::Result<usize> {
    let (mut events, mut heads) = (0, 0);
    let mut trimmed = Vec::new();
    let (mut differences, mut unreadable) = (Vec::new(), Vec::new());
    for partition in deployment.log.partitions() {
        let report = verify_heads(&deployment.log, partition).await?;
        events += report.events;
        heads += report.heads;
        if report.floor > 1 {
            trimmed.push(format!("{partition}:{}", report.floor));
        }
        differences.extend(report.differences.iter().map(ToString::to_string));
        unreadable.extend(report.unreadable.iter().map(ToString::to_string));
    }
    say(format_args!(
        "heads: {} events read, {} heads folded again",
        grouped(events),
        grouped(heads)
    ));
    if !trimmed.is_empty() {
        let from = trimmed.join(", ");
        say(format_args!("  events before these were trimmed: {from}"));
    }
    if !unreadable.is_empty() {
        say(format_args!(
            "  {} events cannot be read, their heads are not compared:",
            unreadable.len()
        ));
        print_some(&unreadable);
    }
    Ok(print_some(&differences))
}

/// Compares every view with the log. Returns the number of differences. A view that cannot be
/// verified counts as a difference and does not stop the verification of the others.
async fn views(deployment: &Deployment) -> anyhow::Result<usize> {
    let Deployment { log, store, .. } = deployment;
    let mut found = 0;
    for view in VIEWS {
        let generation = store.generations().active(view.name()).await?;
        match verify_documents(store, log, view, generation).await {
            Ok(report) => {
                say(format_args!(
                    "{}: {} events, {} documents counted, {} folded again",
                    view.name(),
                    grouped(report.events),
                    grouped(report.documents),
                    grouped(report.compared)
                ));
                found += print_some(&report.differences);
                if !report.withheld.is_empty() {
                    say(format_args!("  {} in quarantine:", report.withheld.len()));
                    let shown = report.withheld.iter().take(SHOWN);
                    shown.for_each(quarantine::print);
                }
            }
            Err(error) => {
                say(format_args!("{}: cannot be verified: {error}", view.name()));
                found += 1;
            }
        }
        for (name, reason) in store.stopped().await? {
            if name == view.name() {
                say(format_args!("  stopped: {reason}"));
                found += 1;
            }
        }
    }
    Ok(found)
}

/// Prints the first `SHOWN` differences, and returns the number of all.
fn print_some(differences: &[String]) -> usize {
    for difference in differences.iter().take(SHOWN) {
        say(format_args!("  {difference}"));
    }
    if differences.len() > SHOWN {
        let more = differences.len() - SHOWN;
        say(format_args!("  … and {more} more"));
    }
    differences.len()
}
