//! Made customers, of whom campaigns mean some.

use bytes::Bytes;

use super::super::http::Connection;
use super::stage::Stage;

/// Means all recipients.
pub(super) const ALL: &str = "tags contains all";

/// Means a quarter of them.
pub(super) const FEW: &str = "tags contains few";

/// Means a hundred, so that everything has happened once before it counts.
pub(super) const FIRST: &str = "tags contains first";

/// How many [`FIRST`] means at most.
const FIRST_COUNT: u64 = 100;

/// Customers per request: the most that one may hold.
const BATCH: u64 = 10_000;

/// Records the recipients, and a fifth as many customers who are none.
pub(super) async fn record(stage: &Stage<'_>, recipients: u64) -> anyhow::Result<()> {
    let count = recipients + recipients / 5;
    let mut connection = Connection::open(&stage.api.address).await?;
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
    let meant = n < recipients;
    let tags = [
        ("all", meant),
        ("few", meant && is_one(recipients / super::PART)),
        ("first", meant && is_one(FIRST_COUNT)),
    ];
    let tags = tags.into_iter().filter(|(_, has)| *has);
    let tags: Vec<String> = tags.map(|(tag, _)| format!("{tag:?}")).collect();
    format!(
        r#"{{"customer_id":"c-{n:07}","name":"Customer {n}","email":"c-{n}@example.com","tags":[{}]}}"#,
        tags.join(",")
    )
}
