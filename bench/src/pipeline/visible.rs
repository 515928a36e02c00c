//! Time until a new order can be read, under a background load.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::try_join_all;
use tokio::time::{MissedTickBehavior, interval, sleep, sleep_until};

use super::PipelineArgs;
use super::running::RunningBuild;
use crate::http::{HttpConnection, percentile};
use crate::report::{BenchReport, grouped};

/// Interval between the batches of the background load.
const BATCH_INTERVAL: Duration = Duration::from_millis(20);

/// Connections of the background load, which send in turn.
const LANES: u32 = 8;

/// Pause between two probes.
const PROBE_PAUSE: Duration = Duration::from_millis(50);

/// Pause between two reads of a customer that is not visible yet.
const READ_PAUSE: Duration = Duration::from_millis(1);

/// Maximum time until an order can be read.
const VISIBLE_LIMIT: Duration = Duration::from_secs(600);

/// Orders per request for the one customer.
const ONE_CUSTOMER_BATCH: u64 = 2_000;
/// Concurrent requests for the one customer.
const ONE_CUSTOMER_CONCURRENCY: u64 = 2;

const ORDERS: &str = "/api/data/orders";
const NDJSON: &str = "application/x-ndjson";

/// Background load. It has a key of its own, because reads wait for the writes of their key.
struct Background<'a> {
    address: &'a str,
    key: &'a str,
    until: Instant,
}

/// Sorted times of all probes.
struct Probed {
    /// Times from a request to its response.
    answered: Vec<Duration>,
    /// Times from the response until the order's customer can be read.
    visible: Vec<Duration>,
}

pub(super) async fn measure(
    running: &mut RunningBuild<'_>,
    args: &PipelineArgs,
    rate: u32,
    report: &mut BenchReport,
) -> anyhow::Result<()> {
    running.wait_until_caught_up().await?;
    let key = running.create_key(&format!("background {rate}")).await?;
    let address = running.api.address.clone();
    let (cpu_times, time) = (running.cpu_times()?, Duration::from_secs(args.seconds));
    let until = Instant::now() + time;
    let background = Background {
        address: &address,
        key: &key,
        until,
    };
    let (probed, sent, of_one, lag) = tokio::try_join!(
        probe(&background, rate),
        background.send(rate, args.customers),
        background.send_of_one(rate, args.one_customer.unwrap_or_default()),
        async {
            sleep_until(until.into()).await;
            running.lag().await
        },
    )?;
    running.wait_until_caught_up().await?;
    let catching_up = until.elapsed();
    let cpu_times = running.cpu_times_since(cpu_times)?;

    let millis = |time: Duration| time.as_secs_f64() * 1_000.0;
    let of = format!("background of {} orders/s", grouped(rate.into()));
    let per_second = |count: u64| count as f64 / time.as_secs_f64();
    report.figure(
        format!("{of}: accepted orders"),
        per_second(sent),
        "orders/s",
    );
    if args.one_customer.is_some() {
        report.figure(
            format!("{of}: orders of one customer"),
            of_one as f64,
            "orders",
        );
        let rate = per_second(of_one);
        report.figure(format!("{of}: orders of one customer"), rate, "orders/s");
    }
    report.figure(format!("{of}: probes"), probed.visible.len() as f64, "");
    for (name, times) in [
        ("request to response", &probed.answered),
        ("response to readable", &probed.visible),
    ] {
        for (of_times, at) in [("median", 0.5), ("99th percentile", 0.99)] {
            let value = millis(percentile(times, at));
            report.figure(format!("{of}: {name}, {of_times}"), value, "ms");
        }
    }
    report.figure(format!("{of}: lag at the end"), lag as f64, "events");
    report.figure(
        format!("{of}: time until that lag was folded"),
        catching_up.as_secs_f64(),
        "s",
    );
    let orders = (sent + of_one).max(1) as f64;
    for (name, time) in &cpu_times {
        let micros = time.as_secs_f64() * 1e6 / orders;
        report.figure(format!("{of}: CPU time per order, {name}"), micros, "µs");
    }
    Ok(())
}

/// Posts single orders of new customers, one after the other, and reads each customer until it is
/// visible.
async fn probe(background: &Background<'_>, rate: u32) -> anyhow::Result<Probed> {
    let mut connection = HttpConnection::open(background.address).await?;
    let (mut answered, mut visible) = (Vec::new(), Vec::new());
    while Instant::now() < background.until {
        let customer = format!("p-{rate}-{}", visible.len());
        let body = Bytes::from(order("o-1", &customer));
        let sent = Instant::now();
        connection.post(ORDERS, NDJSON, body).await?;
        let posted = Instant::now();
        let path = format!("/api/customers/{customer}");
        while connection.read(&path).await?.is_none() {
            anyhow::ensure!(
                posted.elapsed() < VISIBLE_LIMIT,
                "{customer} did not become visible in time"
            );
            sleep(READ_PAUSE).await;
        }
        answered.push(posted - sent);
        visible.push(posted.elapsed());
        sleep(PROBE_PAUSE).await;
    }
    answered.sort_unstable();
    visible.sort_unstable();
    Ok(Probed { answered, visible })
}

impl Background<'_> {
    /// Sends `rate` orders per second, of all customers in turn. Returns the number of accepted
    /// orders.
    async fn send(&self, rate: u32, customers: u64) -> anyhow::Result<u64> {
        let size = u64::from(rate) * BATCH_INTERVAL.as_millis() as u64 / 1_000;
        let lanes = (0..LANES).map(|lane| async move {
            let mut connection = HttpConnection::open(self.address).await?;
            sleep(BATCH_INTERVAL * lane).await;
            let mut ticks = interval(BATCH_INTERVAL * LANES);
            // A lane that waited for a slow response catches up, so that the rate is kept.
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let mut sent = 0;
            loop {
                ticks.tick().await;
                if Instant::now() >= self.until {
                    return anyhow::Ok(sent);
                }
                let first = sent * u64::from(LANES) + u64::from(lane) * size;
                let orders = (first..first + size).map(|n| {
                    let customer = format!("c-{:07}", n % customers.max(1));
                    order(&format!("v-{rate}-{n}"), &customer)
                });
                self.post(&mut connection, orders).await?;
                sent += size;
            }
        });
        Ok(try_join_all(lanes).await?.into_iter().sum())
    }

    /// Sends up to `limit` orders of one customer as fast as they are accepted. Returns the number
    /// of accepted orders.
    async fn send_of_one(&self, rate: u32, limit: u64) -> anyhow::Result<u64> {
        let per_lane = limit / ONE_CUSTOMER_CONCURRENCY;
        let lanes = (0..ONE_CUSTOMER_CONCURRENCY).map(|lane| async move {
            let mut connection = HttpConnection::open(self.address).await?;
            let mut sent = 0;
            while sent < per_lane && Instant::now() < self.until {
                let size = ONE_CUSTOMER_BATCH.min(per_lane - sent);
                let orders = (sent..sent + size)
                    .map(|n| order(&format!("v-{rate}-{lane}-{n}"), "the-one-customer"));
                self.post(&mut connection, orders).await?;
                sent += size;
            }
            anyhow::Ok(sent)
        });
        Ok(try_join_all(lanes).await?.into_iter().sum())
    }

    async fn post(
        &self,
        connection: &mut HttpConnection,
        orders: impl Iterator<Item = String>,
    ) -> anyhow::Result<()> {
        let lines: Vec<String> = orders.collect();
        let key = format!("Bearer {}", self.key);
        let headers = [("authorization", &*key), ("content-type", NDJSON)];
        let body = Bytes::from(lines.join("\n"));
        connection.post_with(ORDERS, headers, body).await?;
        Ok(())
    }
}

fn order(id: &str, customer: &str) -> String {
    format!(
        r#"{{"order_id":"{id}","customer_id":"{customer}","amount":1999,"currency":"USD","placed_at":"2026-01-02T03:04:05Z"}}"#
    )
}
