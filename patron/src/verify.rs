//! `patron verify`: compares heads and views with the log.

use std::process::ExitCode;

use api::{verify_one_view, verify_partitions};
use clap::Args;
use projections::{LongRead, VERIFIED_SAMPLE, VIEWS};

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
    let verified = verify_partitions(&deployment.log, &LongRead::default()).await?;
    say(format_args!(
        "heads: {} events read, {} heads folded again",
        grouped(verified.events),
        grouped(verified.heads)
    ));
    if !verified.trimmed.is_empty() {
        let from: Vec<String> = verified.trimmed.iter().map(ToString::to_string).collect();
        let from = from.join(", ");
        say(format_args!("  events before these were trimmed: {from}"));
    }
    if !verified.unreadable.is_empty() {
        say(format_args!(
            "  {} events cannot be read, their heads are not compared:",
            verified.unreadable.len()
        ));
        print_some(&verified.unreadable);
    }
    Ok(print_some(&verified.differences))
}

/// Compares every view with the log. Returns the number of differences. A view that cannot be
/// verified counts as a difference and does not stop the verification of the others.
async fn views(deployment: &Deployment) -> anyhow::Result<usize> {
    let Deployment { log, store, .. } = deployment;
    let mut found = 0;
    for view in VIEWS {
        let read = LongRead::default();
        let verified = verify_one_view(store, log, view, VERIFIED_SAMPLE, &read).await?;
        match verified.report {
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
        for reason in &verified.stalled {
            say(format_args!("  stopped: {reason}"));
        }
        found += verified.stalled.len();
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
