//! From the first order to the last view.

use std::time::Instant;

use mongodb::Client;

use super::super::orders::Orders;
use super::super::report::Report;
use super::super::{bulk, raw_mongo};
use super::PipelineArgs;
use super::running::Running;

/// Orders that are sent before anything counts, so that everything has happened
/// once.
const FIRST: u64 = 2_000;

/// The views that orders make documents of.
const VIEWS: [&str; 3] = ["customers", "orders", "audit"];

/// Sends all orders and waits until all views have them; then inserts the
/// documents that came of it again, without the program.
pub(super) async fn measure(
    running: &mut Running<'_>,
    args: &PipelineArgs,
    report: &mut Report,
) -> anyhow::Result<()> {
    let first = bulk::bodies(Orders::new(FIRST, args.seed)?.named("f"))?;
    bulk::send(&running.api.address, first).await?;
    running.caught_up().await?;

    let orders = Orders::of_customers(args.orders, args.customers, args.seed + 1)?;
    let bodies = bulk::bodies(orders)?;
    let (computed, start) = (running.computed()?, Instant::now());
    let accepted = bulk::send(&running.api.address, bodies).await?;
    let lag = running.lag().await?;
    running.caught_up().await?;
    let took = start.elapsed();
    let computed = running.computed_since(&computed)?;

    let count = args.orders as f64;
    let per_second = count / took.as_secs_f64();
    report.figure(
        "orders in bulk, on disk",
        count / accepted.as_secs_f64(),
        "orders/s",
    );
    report.figure("lag when the last was on disk", lag as f64, "events");
    report.figure("orders in bulk, in all views", per_second, "orders/s");
    for (name, time) in &computed {
        let micros = time.as_secs_f64() * 1e6 / count;
        report.figure(format!("processor time an order, {name}"), micros, "µs");
    }
    let raw = raw(running).await?;
    report.figure("raw inserts of the views' documents", raw, "orders/s");
    report.ratio("in all views / raw inserts", per_second / raw, "");
    Ok(())
}

/// For how many orders a second MongoDB takes the documents of the views.
async fn raw(running: &mut Running<'_>) -> anyhow::Result<f64> {
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
