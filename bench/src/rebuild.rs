//! `patron-bench rebuild`: rebuilds of `customers` and `audit`.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use clap::Args;
use commands::{Context, OrderRecord};
use domain::Timestamp;
use projections::{RebuildProgress, view_named};

use super::audit_rows;
use super::deployment::BenchDeployment;
use super::orders::OrderGenerator;
use super::raw_mongo;
use super::report::BenchReport;
use engines::Engines;

/// Options of `patron-bench rebuild`.
#[derive(Args)]
pub(super) struct RebuildBenchArgs {
    /// Number of orders to generate, with a third as many customers
    #[arg(long, default_value_t = 300_000)]
    orders: u64,

    /// Seed of the generated orders
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(super) async fn run(args: &RebuildBenchArgs, engines: &Engines) -> anyhow::Result<BenchReport> {
    let deployment = BenchDeployment::open(engines).await?;
    fill(&deployment, args).await?;
    let mut report = BenchReport::default();
    let customers = measure(&deployment, "customers").await?;
    let database = deployment.store.database();
    let collection = format!("customers_g{}", customers.generation);
    let updates = raw_mongo::update_all(database, &collection).await?;
    let audit = measure(&deployment, "audit").await?;
    let collection = format!("audit_g{}", audit.generation);
    let disk = raw_mongo::disk(database, &collection).await? / audit.events as f64;
    let rows = audit_rows::of_log(&deployment.log).await?;
    let raw = raw_mongo::insert_all(database, &rows, audit_rows::indexes()).await?;
    let inserts = raw.per_second;

    for (view, rebuilt, baseline, (raw_name, raw, unit), target) in [
        (
            "customers",
            &customers,
            "raw updates",
            (
                "raw batched updates of the same documents",
                updates,
                "updates/s",
            ),
            "≥ 1.0",
        ),
        (
            "audit",
            &audit,
            "raw inserts",
            (
                "raw batched inserts of a row per event",
                inserts,
                "inserts/s",
            ),
            "≥ 2.0",
        ),
    ] {
        let per_second = |time: Duration| rebuilt.events as f64 / time.as_secs_f64();
        let (folding, whole) = (per_second(rebuilt.folding), per_second(rebuilt.whole));
        report.figure(format!("{view}: folding"), folding, "events/s");
        report.figure(format!("{view}: whole rebuild"), whole, "events/s");
        report.figure(raw_name, raw, unit);
        report.ratio(
            format!("{view}: folding / {baseline}"),
            folding / raw,
            target,
        );
        report.ratio(
            format!("{view}: whole rebuild / {baseline}"),
            whole / raw,
            "",
        );
    }
    report.figure("audit: disk", disk, "bytes/event");
    report.figure(
        "disk of a row per event with nine indexes",
        raw.disk,
        "bytes/event",
    );
    report.ratio("audit: disk / disk of the rows", disk / raw.disk, "≤ 0.2");
    Ok(report)
}

/// Appends the generated orders to the log.
async fn fill(deployment: &BenchDeployment, args: &RebuildBenchArgs) -> anyhow::Result<()> {
    let mut orders = OrderGenerator::new(args.orders, args.seed)?;
    let context = Context {
        actor: "bench".to_owned(),
        request: Some("bench".to_owned()),
        address: None,
        now: Timestamp::from(chrono::Utc::now()),
    };
    loop {
        let batch = orders.batch(10_000)?;
        if batch.is_empty() {
            return Ok(());
        }
        let items = batch.into_iter().map(|generated| OrderRecord {
            customer: generated.customer,
            order: generated.order,
            content: generated.content,
            moved_from: None,
        });
        let recorded = deployment.commands.record_orders(&context, items.collect());
        anyhow::ensure!(
            recorded.await?.iter().all(Result::is_ok),
            "an order was refused"
        );
    }
}

/// Result of one rebuild.
struct MeasuredRebuild {
    generation: i32,
    events: u64,
    /// Time until all events were folded.
    folding: Duration,
    /// Time until the new generation served.
    whole: Duration,
}

async fn measure(deployment: &BenchDeployment, name: &str) -> anyhow::Result<MeasuredRebuild> {
    let view = view_named(name).ok_or_else(|| anyhow::anyhow!("there is no view {name}"))?;
    let folded = Mutex::new(None);
    let start = Instant::now();
    let on_progress = |progress| {
        if progress == RebuildProgress::Indexing
            && let Ok(mut folded) = folded.lock()
        {
            *folded = Some(start.elapsed());
        }
    };
    let report =
        projections::rebuild(&deployment.store, &deployment.log, view, &on_progress).await?;
    let whole = start.elapsed();
    let folding = folded.lock().ok().and_then(|folded| *folded);
    Ok(MeasuredRebuild {
        generation: report.generation,
        events: report.events,
        folding: folding.unwrap_or(whole),
        whole,
    })
}
