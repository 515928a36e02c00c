//! `patron-bench ingest`: orders over HTTP, in bulk and one by one.

use std::time::Duration;

use bytes::Bytes;
use clap::Args;

use super::api_process::ApiProcess;
use super::bulk;
use super::deployment::BenchDeployment;
use super::http::{Load, load};
use super::orders::OrderGenerator;
use super::raw_redis::{self, RawAppends};
use super::report::BenchReport;
use engines::Engines;

/// Options of `patron-bench ingest`.
#[derive(Args)]
pub(super) struct IngestArgs {
    /// Number of orders to send in bulk
    #[arg(long, default_value_t = 1_000_000)]
    orders: u64,

    /// Number of connections that send orders one by one
    #[arg(long, default_value_t = 64)]
    connections: usize,

    /// Duration of sending one by one, in seconds
    #[arg(long, default_value_t = 10)]
    seconds: u64,

    /// Seed of the generated orders
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(super) async fn run(args: &IngestArgs, engines: &Engines) -> anyhow::Result<BenchReport> {
    let deployment = BenchDeployment::open(engines).await?;
    let api = ApiProcess::start(engines).await?;
    let mut report = BenchReport::default();

    let before = raw_redis::used_memory(&engines.redis_url).await?;
    let bodies = bulk::bodies(OrderGenerator::new(args.orders, args.seed)?)?;
    let took = bulk::send(&api.address, bodies).await?;
    let bulk = args.orders as f64 / took.as_secs_f64();
    let used = raw_redis::used_memory(&engines.redis_url).await? - before;
    let resident = api.process.resident()?;
    let raw = raw_redis::append_again(&engines.redis_url, &deployment.log).await?;
    raw_redis::remove(&engines.redis_url, &deployment.log).await?;
    let own_bytes = used as f64 / args.orders as f64;
    add_bulk(&mut report, bulk, own_bytes, &raw);
    report.figure(
        "API memory after the orders in bulk",
        resident as f64 / 1048576.0,
        "MiB",
    );

    let time = Duration::from_secs(args.seconds);
    let healthz = load(
        &api.address,
        args.connections,
        time,
        async |connection, _, _| connection.get("/healthz").await.map(drop),
    );
    let healthz = healthz.await?;
    let run = std::process::id();
    let single = load(
        &api.address,
        args.connections,
        time,
        async |connection, lane, n| {
            let body = Bytes::from(format!(
                r#"{{"order_id":"s-{run}-{lane}-{n}","customer_id":"s-{lane}-{}","amount":1999,"currency":"USD","placed_at":"2026-01-02T03:04:05Z"}}"#,
                n / 3
            ));
            let sent = connection.post("/api/data/orders", "application/json", body);
            sent.await.map(drop)
        },
    );
    let single = single.await?;
    add_single(&mut report, &single, &healthz);
    Ok(report)
}

fn add_bulk(report: &mut BenchReport, bulk: f64, own_bytes: f64, raw: &RawAppends) {
    report.figure("orders over HTTP in bulk, durable", bulk, "orders/s");
    report.figure(
        "raw pipelined XADD of the same bytes, durable",
        raw.per_second,
        "entries/s",
    );
    report.figure("Redis memory per order, heads included", own_bytes, "bytes");
    report.figure(
        "Redis memory per entry of a bare stream",
        raw.bytes_per_event,
        "bytes",
    );
    report.ratio("bulk / raw XADD", bulk / raw.per_second, "≥ 0.35");
    report.ratio(
        "Redis memory per order / bare stream",
        own_bytes / raw.bytes_per_event,
        "≤ 1.4",
    );
}

fn add_single(report: &mut BenchReport, single: &Load, healthz: &Load) {
    let millis = |time: Duration| time.as_secs_f64() * 1_000.0;
    report.figure(
        "GET /healthz over the same connections",
        healthz.per_second,
        "requests/s",
    );
    report.figure(
        "single POST /api/data/orders, durable",
        single.per_second,
        "orders/s",
    );
    report.figure("single POST, median", millis(single.p50), "ms");
    report.figure(
        "single POST, 99th percentile (target < 15)",
        millis(single.p99),
        "ms",
    );
    report.ratio(
        "single POST / healthz",
        single.per_second / healthz.per_second,
        "≥ 0.3",
    );
}
