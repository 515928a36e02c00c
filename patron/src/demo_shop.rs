//! `patron demo`: loads the demo shop into an empty deployment, or removes the deployment again.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, bail};
use clap::Args;
use commands::Context;
use demo::{CAMPAIGNS, Contents, DemoLoad, Progress, RemovalHold, SEGMENTS, check_removal};
use domain::Timestamp;
use indicatif::{ProgressBar, ProgressStyle};

use crate::deployment::{Deployment, Target};
use crate::output::{grouped, operator, say};
use crate::signals;

/// Options of `patron demo`.
#[derive(Args)]
pub(crate) struct DemoArgs {
    /// Remove the deployment with everything in it, users and API keys included, while it holds
    /// nothing but the demo shop
    #[arg(long)]
    remove: bool,

    /// Remove without asking
    #[arg(long, requires = "remove")]
    yes: bool,

    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let opened = args.target.open().await?;
    let done = match args.remove {
        true => remove(&opened.deployment, args.yes).await,
        false => load(&opened.deployment).await,
    };
    opened.close().await;
    done
}

async fn load(deployment: &Deployment) -> anyhow::Result<ExitCode> {
    let stop = signals::stop_token()?;
    let start = Instant::now();
    let context = Context {
        actor: operator(),
        request: None,
        address: None,
        now: Timestamp::from(chrono::Utc::now()),
    };
    let (load, _) = DemoLoad::begin(&deployment.commands, &context)
        .await
        .context("cannot load the demo shop")?;
    let bar = bar();
    let loaded = load.run_until(stop.cancelled_owned(), |progress| show(&bar, progress));
    let loaded = loaded.await;
    bar.finish_and_clear();
    let is_complete = loaded.context("the load ended early; run the command again to continue")?;
    if !is_complete {
        bail!("interrupted; run the command again to continue");
    }
    summarize(deployment, start).await?;
    Ok(ExitCode::SUCCESS)
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let style = "loading {bar:32} {human_pos} of {human_len}, {per_sec}, {eta} left";
    // The template is a constant that parses. If it did not, the default style would do.
    bar.set_style(ProgressStyle::with_template(style).unwrap_or(ProgressStyle::default_bar()));
    bar
}

fn show(bar: &ProgressBar, Progress { done, total }: Progress) {
    bar.set_length(total);
    bar.set_position(done);
    // Without a terminal the bar is hidden, so the progress is logged.
    if bar.is_hidden() {
        tracing::debug!(done, total, "loading the demo shop");
    }
}

async fn summarize(deployment: &Deployment, start: Instant) -> anyhow::Result<()> {
    let contents = Contents::of(&deployment.log).await?;
    let segment = &SEGMENTS[0];
    say(format_args!(
        "loaded {} customers, {} orders, {} activities, {} segments and {} finished campaigns in \
         {:.1} s; nothing was sent\n\
         \nNext steps:\n\
         \n  patron up         serves the shop; it prints a link that signs you in as an admin\
         \n  patron status     shows how far the views have folded it\
         \n  patron segment '{}'\
         \n                    counts the segment \"{}\"\
         \n  patron demo --remove\
         \n                    removes the deployment again",
        grouped(contents.customers),
        grouped(contents.orders),
        grouped(contents.activities),
        SEGMENTS.len(),
        CAMPAIGNS.len(),
        start.elapsed().as_secs_f64(),
        segment.rules,
        segment.name,
    ));
    Ok(())
}

async fn remove(deployment: &Deployment, yes: bool) -> anyhow::Result<ExitCode> {
    let refused = "the deployment was not removed";
    let hold = check_removal(&deployment.commands).await.context(refused)?;
    let allowed = allow(deployment, &hold, yes).await;
    if let Err(error) = allowed {
        hold.release().await;
        return Err(error.context(refused));
    }
    // The views first: a removal that is interrupted between the two leaves a log without views,
    // which can be removed again. Views without their log would prevent every start.
    let dropped = deployment.store.database().drop().await;
    if let Err(error) = dropped {
        hold.release().await;
        return Err(error).context("cannot drop the views; run the command again");
    }
    // The lease is removed with the log, so it must not be renewed any more.
    drop(hold);
    let removed = deployment.commands.remove_log().await;
    removed.context("cannot remove the log; run the command again")?;
    say("removed the deployment with the demo shop; the next start begins with an empty one");
    Ok(ExitCode::SUCCESS)
}

/// Checks what only this program can, and asks.
async fn allow(deployment: &Deployment, hold: &RemovalHold, yes: bool) -> anyhow::Result<()> {
    let foreign = deployment.store.foreign_collections().await?;
    if !foreign.is_empty() {
        bail!("the database also holds {}", foreign.join(", "));
    }
    if !yes {
        confirm(hold)?;
        hold.check_again(&deployment.commands).await?;
    }
    Ok(())
}

/// Asks on the terminal.
fn confirm(hold: &RemovalHold) -> anyhow::Result<()> {
    if !io::stdin().is_terminal() {
        bail!("there is no terminal to confirm on; use --yes");
    }
    eprint!(
        "Remove the deployment with the demo shop (users: {}, API keys: {})? [y/N] ",
        hold.users, hold.api_keys
    );
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => bail!("not confirmed"),
    }
}
