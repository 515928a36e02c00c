//! Generated customers for campaigns, with tags that select audiences.

use bytes::Bytes;

use super::test_bed::TestBed;
use crate::http::HttpConnection;

/// Rule that matches all recipients.
pub(super) const ALL: &str = "tags contains all";

/// Divisor of the recipients for those that [`FEW`] matches.
pub(super) const PART: u64 = 4;

/// Rule that matches a quarter of the recipients.
pub(super) const FEW: &str = "tags contains few";

/// Rule that matches a hundred recipients, for a warm-up before the measurement.
pub(super) const FIRST: &str = "tags contains first";

/// Maximum number of customers that [`FIRST`] matches.
const FIRST_COUNT: u64 = 100;

/// Customers per request, the maximum that the API accepts.
const BATCH: u64 = 10_000;

/// Records the recipients, and a fifth as many customers who are not recipients.
pub(super) async fn record(test_bed: &TestBed<'_>, recipients: u64) -> anyhow::Result<()> {
    let count = recipients + recipients / 5;
    let mut connection = HttpConnection::open(&test_bed.api.address).await?;
    for first in (0..count).step_by(BATCH as usize) {
        let batch = first..(first + BATCH).min(count);
        let lines: Vec<String> = batch.map(|n| customer(n, recipients)).collect();
        let body = Bytes::from(lines.join("\n"));
        let path = "/api/data/customers";
        connection.post(path, "application/x-ndjson", body).await?;
    }
    Ok(())
}

fn customer(n: u64, recipients: u64) -> String {
    let is_one = |count: u64| n.is_multiple_of((recipients / count.max(1)).max(1));
    let is_recipient = n < recipients;
    let tags = [
        ("all", is_recipient),
        ("few", is_recipient && is_one(recipients / PART)),
        ("first", is_recipient && is_one(FIRST_COUNT)),
    ];
    let tags = tags.into_iter().filter(|(_, has)| *has);
    let tags: Vec<String> = tags.map(|(tag, _)| format!("{tag:?}")).collect();
    format!(
        r#"{{"customer_id":"c-{n:07}","name":"Customer {n}","email":"c-{n}@example.com","tags":[{}]}}"#,
        tags.join(",")
    )
}
