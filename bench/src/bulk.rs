//! Generated orders over HTTP in bulk, as NDJSON.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};

use super::http::HttpConnection;
use super::orders::OrderGenerator;

/// Orders per request, the maximum that the API accepts.
const BATCH: u64 = 10_000;

/// Concurrent requests.
const CONCURRENCY: usize = 2;

/// Returns the bodies of the requests that send all orders.
pub(super) fn bodies(mut orders: OrderGenerator) -> anyhow::Result<Vec<Bytes>> {
    let mut bodies = Vec::new();
    loop {
        let batch = orders.batch(BATCH)?;
        if batch.is_empty() {
            return Ok(bodies);
        }
        let lines: Vec<String> = batch.iter().map(|order| order.to_json()).collect();
        bodies.push(Bytes::from(lines.join("\n")));
    }
}

/// Sends the bodies. Returns the time until all orders were on disk.
pub(super) async fn send(address: &str, bodies: Vec<Bytes>) -> anyhow::Result<Duration> {
    let start = Instant::now();
    stream::iter(bodies)
        .map(|body| async {
            let mut connection = HttpConnection::open(address).await?;
            let path = "/api/data/orders";
            let answer = connection.post(path, "application/x-ndjson", body).await?;
            anyhow::ensure!(
                answer.windows(13).any(|w| w == b"\"rejected\":0,"),
                "an order was refused"
            );
            Ok(())
        })
        .buffer_unordered(CONCURRENCY)
        .try_collect::<()>()
        .await?;
    Ok(start.elapsed())
}
