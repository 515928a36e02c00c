//! `patron rebuild`: rebuilds a view from the log, or rolls it back.

use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use clap::builder::PossibleValuesParser;
use commands::Context;
use domain::Timestamp;
use indicatif::{ProgressBar, ProgressStyle};
use projections::{AnyView, RebuildProgress, VIEWS, view_named};
use workers::Operation;

use crate::deployment::{Deployment, Target};
use crate::output::{grouped, operator, say};
use crate::work;

/// Options of `patron rebuild`.
#[derive(Args)]
pub(crate) struct RebuildArgs {
    /// Name of the view
    #[arg(value_parser = PossibleValuesParser::new(VIEWS.map(|view| view.name())))]
    view: String,

    /// Serve the previous generation again instead of rebuilding
    #[arg(long)]
    rollback: bool,

    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(args: RebuildArgs) -> anyhow::Result<ExitCode> {
    let Some(view) = view_named(&args.view) else {
        anyhow::bail!("there is no view {}", args.view);
    };
    let opened = args.target.open().await?;
    let done = if args.rollback {
        roll_back(&opened.deployment, view).await
    } else {
        rebuild(&opened.deployment, view).await
    };
    opened.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn rebuild(deployment: &Deployment, view: &'static dyn AnyView) -> anyhow::Result<()> {
    let start = Instant::now();
    let bar = bar();
    let on_progress = |progress| show_progress(&bar, progress);
    let report = operation(deployment, view).rebuild(&on_progress).await;
    bar.finish_and_clear();
    let (report, took) = (report?, start.elapsed().as_secs_f64());
    say(format_args!(
        "{}: now serves generation {}; folded {} events in {took:.1} s ({} per second); \
         verified: {} documents counted, {} folded again without a difference",
        view.name(),
        report.generation,
        grouped(report.events),
        grouped((report.events as f64 / took.max(0.001)) as u64),
        grouped(report.verified.documents),
        grouped(report.verified.compared),
    ));
    Ok(())
}

async fn roll_back(deployment: &Deployment, view: &'static dyn AnyView) -> anyhow::Result<()> {
    let generation = operation(deployment, view).roll_back().await?;
    let name = view.name();
    say(format_args!(
        "{name}: rolled back to generation {generation}"
    ));
    Ok(())
}

fn operation<'a>(deployment: &'a Deployment, view: &'static dyn AnyView) -> Operation<'a> {
    Operation {
        commands: &deployment.commands,
        store: &deployment.store,
        view,
        context: Context {
            actor: operator(),
            request: None,
            address: None,
            now: Timestamp::from(chrono::Utc::now()),
        },
        worker: work::unique_name(),
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let style = "{msg:10} {bar:32} {human_pos} of {human_len} events, {per_sec}, {eta} left";
    // The template is a constant that parses. If it did not, the default style would do.
    bar.set_style(ProgressStyle::with_template(style).unwrap_or(ProgressStyle::default_bar()));
    bar
}

fn show_progress(bar: &ProgressBar, progress: RebuildProgress) {
    match progress {
        RebuildProgress::Folding { done, of } => {
            bar.set_message("folding");
            bar.set_length(of.max(done));
            bar.set_position(done);
        }
        RebuildProgress::Indexing => bar.set_message("indexing"),
        RebuildProgress::Verifying => bar.set_message("verifying"),
        RebuildProgress::Switching => bar.set_message("switching"),
    }
    // Without a terminal the bar is hidden, so the steps are logged. Folding reports too often
    // for that.
    if bar.is_hidden() && !matches!(progress, RebuildProgress::Folding { .. }) {
        tracing::info!(step = ?progress, "rebuilding");
    }
}
