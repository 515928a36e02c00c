//! Throughput of the parts of a campaign alone, on the same machine and in the same run.

use std::time::{Duration, Instant};

use futures::future::try_join_all;
use serde_json::{Value, json};

use super::test_bed::TestBed;
use crate::audit_rows;
use crate::report::BenchReport;
use crate::{raw_mongo, raw_redis};

/// Duration of the measurement of the vendor.
const TIME: Duration = Duration::from_secs(5);

/// Concurrent requests, the workers' default.
const CONCURRENCY: u64 = 32;

/// Messages per request, the workers' maximum.
const BATCH: u64 = 100;

/// Throughput of each part alone, per second.
pub(super) struct CampaignLimits {
    /// Bare XADDs of the log's own entries, in pipelines.
    pub(super) appends: f64,
    /// Messages that the vendor accepts from the workers' HTTP client.
    sends: f64,
    /// Bare inserts of the rows of the audit trail.
    inserts: f64,
    /// Bare updates of messages' documents.
    updates: f64,
}

impl CampaignLimits {
    pub(super) async fn measure(test_bed: &TestBed<'_>) -> anyhow::Result<Self> {
        let sends = sends(test_bed).await?;
        let database = test_bed.deployment.store.database();
        let updates = raw_mongo::update_all(database, "messages_g1").await?;
        let rows = audit_rows::of_log(&test_bed.deployment.log).await?;
        let inserts = raw_mongo::insert_all(database, &rows, audit_rows::indexes()).await?;
        let url = &test_bed.engines.redis_url;
        let raw = raw_redis::append_again(url, &test_bed.deployment.log).await?;
        Ok(Self {
            appends: raw.per_second,
            sends,
            inserts: inserts.per_second,
            updates,
        })
    }

    /// Returns the messages per second if the parts did only what a message needs, one after the
    /// other: three entries with their rows in the audit trail, a share of a request, and a
    /// document that is inserted and updated twice.
    pub(super) fn messages(&self) -> f64 {
        let Self {
            appends,
            sends,
            inserts,
            updates,
        } = self;
        1.0 / (3.0 / appends + 1.0 / sends + 4.0 / inserts + 2.0 / updates)
    }

    pub(super) fn add_to(&self, report: &mut BenchReport) {
        report.figure(
            "raw XADD of the same entries, durable",
            self.appends,
            "entries/s",
        );
        report.figure(
            "messages to the vendor, no other load",
            self.sends,
            "messages/s",
        );
        report.figure(
            "raw inserts of audit rows, no indexes",
            self.inserts,
            "inserts/s",
        );
        report.figure(
            "raw updates of messages, no indexes",
            self.updates,
            "updates/s",
        );
        report.figure(
            "the bare parts of a message, one after the other",
            self.messages(),
            "messages/s",
        );
    }
}

/// Sends messages to the vendor, which is set to post no receipts. Returns the messages per second.
async fn sends(test_bed: &TestBed<'_>) -> anyhow::Result<f64> {
    let url = format!("{}/vendor/settings", test_bed.vendor_url);
    let quiet = test_bed.http.put(url).json(&json!({"lost_rate": 1.0}));
    quiet.send().await?.error_for_status()?;
    let start = Instant::now();
    let lanes = (0..CONCURRENCY).map(|lane| send_batches(test_bed, lane, start));
    let count: u64 = try_join_all(lanes).await?.into_iter().sum();
    Ok(count as f64 / start.elapsed().as_secs_f64())
}

async fn send_batches(test_bed: &TestBed<'_>, lane: u64, start: Instant) -> anyhow::Result<u64> {
    let url = format!("{}/vendor/send", test_bed.vendor_url);
    let mut count = 0;
    while start.elapsed() < TIME {
        let message = |n: u64| {
            json!({
                "message_id": format!("bare_{lane}_{n}"),
                "to": format!("c-{n}@example.com"),
                "content": {"text": "Hi Customer, we miss you: what you like is waiting for you."},
                "callback_url": format!("http://{}/api/delivery/receipt", test_bed.api.address),
            })
        };
        let batch: Vec<Value> = (count..count + BATCH).map(message).collect();
        let answer = test_bed.http.post(&url).json(&batch).send().await?;
        answer.error_for_status()?.bytes().await?;
        count += BATCH;
    }
    Ok(count)
}
