//! Throughput of orders in bulk, until all views have them.

use std::time::Instant;

use mongodb::Client;

use super::PipelineArgs;
use super::running::RunningBuild;
use crate::orders::OrderGenerator;
use crate::report::BenchReport;
use crate::{bulk, raw_mongo};

/// Number of orders that are sent for a warm-up.
const WARM_UP: u64 = 2_000;

/// Views into which orders are folded.
const VIEWS: [&str; 3] = ["customers", "orders", "audit"];

/// Sends all orders and waits until all views have them. Then inserts the resulting documents
/// again directly, as the baseline.
pub(super) async fn measure(
    running: &mut RunningBuild<'_>,
    args: &PipelineArgs,
    report: &mut BenchReport,
) -> anyhow::Result<()> {
    let warm_up = bulk::bodies(OrderGenerator::new(WARM_UP, args.seed)?.with_prefix("f"))?;
    bulk::send(&running.api.address, warm_up).await?;
    running.wait_until_caught_up().await?;

    let orders = OrderGenerator::of_customers(args.orders, args.customers, args.seed + 1)?;
    let bodies = bulk::bodies(orders)?;
    let (cpu_times, start) = (running.cpu_times()?, Instant::now());
    let accepted = bulk::send(&running.api.address, bodies).await?;
    let lag = running.lag().await?;
    running.wait_until_caught_up().await?;
    let took = start.elapsed();
    let cpu_times = running.cpu_times_since(cpu_times)?;

    let count = args.orders as f64;
    let per_second = count / took.as_secs_f64();
    report.figure(
        "orders in bulk, on disk",
        count / accepted.as_secs_f64(),
        "orders/s",
    );
    report.figure("lag when the last order was on disk", lag as f64, "events");
    report.figure("orders in bulk, in all views", per_second, "orders/s");
    for (name, time) in &cpu_times {
        let micros = time.as_secs_f64() * 1e6 / count;
        report.figure(format!("CPU time per order, {name}"), micros, "µs");
    }
    let raw = raw_orders_per_second(running).await?;
    report.figure("raw inserts of the views' documents", raw, "orders/s");
    report.ratio("orders in all views / raw inserts", per_second / raw, "");
    Ok(())
}

/// Returns the number of orders per second whose documents MongoDB accepts in bare inserts.
async fn raw_orders_per_second(running: &mut RunningBuild<'_>) -> anyhow::Result<f64> {
    let views = running.views().await?;
    let of_orders = views.iter().filter(|view| VIEWS.contains(&&*view.name));
    let names = of_orders.map(|view| format!("{}_g{}", view.name, view.generation));
    let names: Vec<String> = names.collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let client = Client::with_uri_str(&running.engines.mongodb_uri).await?;
    let database = client.database("bench");
    let took = raw_mongo::insert_again(&database, &names).await?;
    let orders = names.iter().find(|name| name.starts_with("orders"));
    let orders =
        database.collection::<mongodb::bson::Document>(orders.copied().unwrap_or_default());
    let count = orders.estimated_document_count().await?;
    Ok(count as f64 / took.as_secs_f64())
}
