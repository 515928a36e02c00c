//! `patron-bench strangers`: an import alone, and during a flood of requests with wrong keys.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use bytes::Bytes;
use futures::future::try_join_all;
use hyper::StatusCode;
use tokio::time::{MissedTickBehavior, interval};

use super::api_process::ApiProcess;
use super::deployment::BenchDeployment;
use super::http::HttpConnection;
use super::orders::OrderGenerator;
use super::report::BenchReport;
use engines::Engines;

/// Orders per request of the import.
const BATCH: u64 = 500;
/// Concurrent requests of the import.
const CONCURRENCY: usize = 4;

/// Number of connections of the flood.
const LANES: u32 = 32;

/// Options of `patron-bench strangers`.
#[derive(clap::Args)]
pub(crate) struct StrangersArgs {
    /// Requests with wrong keys per second
    #[arg(long, default_value_t = 1_000)]
    rate: u32,

    /// Duration with the flood, and again without it, in seconds
    #[arg(long, default_value_t = 30)]
    seconds: u64,

    /// Number of rounds, each with and without the flood, that the duration is divided into
    #[arg(long, default_value_t = 3)]
    rounds: u32,

    /// Seed of the generated orders
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Result of the imports with or without the flood.
#[derive(Default)]
struct Totals {
    orders: u64,
    /// Requests with wrong keys that were answered 401.
    refused: u64,
    /// Requests with wrong keys that were answered 429.
    limited: u64,
    seconds: f64,
}

impl Totals {
    fn add(&mut self, other: &Self) {
        self.orders += other.orders;
        self.refused += other.refused;
        self.limited += other.limited;
        self.seconds += other.seconds;
    }
}

pub(super) async fn run(args: &StrangersArgs, engines: &Engines) -> anyhow::Result<BenchReport> {
    BenchDeployment::open(engines).await?;
    let api = ApiProcess::start_limited(engines).await?;
    // More orders than all rounds can send.
    let mut orders = OrderGenerator::new(u64::MAX / 4, args.seed)?;
    let time = Duration::from_secs(args.seconds) / args.rounds.max(1);
    let (mut alone, mut flooded) = (Totals::default(), Totals::default());
    for _ in 0..args.rounds {
        alone.add(&measure(&api.address, &mut orders, 0, time).await?);
        flooded.add(&measure(&api.address, &mut orders, args.rate, time).await?);
    }
    Ok(report(&alone, &flooded))
}

/// Measures an import, with `rate` requests with wrong keys per second.
async fn measure(
    address: &str,
    orders: &mut OrderGenerator,
    rate: u32,
    time: Duration,
) -> anyhow::Result<Totals> {
    let (start, refused, limited) = (Instant::now(), AtomicU64::new(0), AtomicU64::new(0));
    let lanes = if rate == 0 { 0 } else { LANES };
    let every = Duration::from_secs(1) * LANES / rate.max(1);
    let flood =
        (0..lanes).map(|lane| send_wrong_keys(address, lane, every, time, &refused, &limited));
    let orders = std::sync::Mutex::new(orders);
    let import = (0..CONCURRENCY).map(|_| import(address, &orders, time));
    let (imported, _) = tokio::try_join!(try_join_all(import), try_join_all(flood))?;
    Ok(Totals {
        orders: imported.iter().sum(),
        refused: refused.into_inner(),
        limited: limited.into_inner(),
        seconds: start.elapsed().as_secs_f64(),
    })
}

async fn import(
    address: &str,
    orders: &std::sync::Mutex<&mut OrderGenerator>,
    time: Duration,
) -> anyhow::Result<u64> {
    let (start, mut sent) = (Instant::now(), 0);
    let mut connection = HttpConnection::open(address).await?;
    while start.elapsed() < time {
        let batch = {
            let mut orders = orders
                .lock()
                .map_err(|_| anyhow::anyhow!("a lane failed"))?;
            orders.batch(BATCH)?
        };
        let lines: Vec<String> = batch.iter().map(|order| order.to_json()).collect();
        let body = Bytes::from(lines.join("\n"));
        connection
            .post("/api/data/orders", "application/x-ndjson", body)
            .await?;
        sent += BATCH;
    }
    Ok(sent)
}

/// Sends requests with wrong keys. Half of the keys have the form of Patron's, so each of those
/// costs a read of Redis.
async fn send_wrong_keys(
    address: &str,
    lane: u32,
    every: Duration,
    time: Duration,
    refused: &AtomicU64,
    limited: &AtomicU64,
) -> anyhow::Result<()> {
    let start = Instant::now();
    let mut connection = HttpConnection::open(address).await?;
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for n in 0_u64.. {
        ticks.tick().await;
        if start.elapsed() >= time {
            break;
        }
        let key = match n % 2 {
            0 => format!("patron_{:032x}_{}", u128::from(n), "a".repeat(43)),
            _ => format!("somebody-elses-key-{lane}-{n}"),
        };
        let counter = match connection.status_with_key(&key, "/api/segments").await? {
            StatusCode::UNAUTHORIZED => refused,
            StatusCode::TOO_MANY_REQUESTS => limited,
            other => anyhow::bail!("{other} for a wrong key"),
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
    ensure!(start.elapsed() >= time);
    Ok(())
}

fn report(alone: &Totals, flooded: &Totals) -> BenchReport {
    let mut report = BenchReport::default();
    let rate = |totals: &Totals| totals.orders as f64 / totals.seconds;
    report.figure("import alone", rate(alone), "orders/s");
    report.figure("import during the flood", rate(flooded), "orders/s");
    let per_second = |count: u64| count as f64 / flooded.seconds;
    report.figure(
        "wrong keys, answered 401",
        per_second(flooded.refused),
        "requests/s",
    );
    report.figure(
        "wrong keys, answered 429",
        per_second(flooded.limited),
        "requests/s",
    );
    report.ratio(
        "import during the flood / alone",
        rate(flooded) / rate(alone),
        "≥ 0.8",
    );
    report
}
