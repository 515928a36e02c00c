//! What the parts of a campaign do by themselves, on the same machine and in
//! the same run.

use std::time::{Duration, Instant};

use futures::future::try_join_all;
use serde_json::{Value, json};

use super::super::audit_rows;
use super::super::report::Report;
use super::stage::Stage;
use super::{raw_mongo, raw_redis};

/// How long the vendor is asked.
const TIME: Duration = Duration::from_secs(5);

/// Requests in flight at once, as workers have by default.
const AT_ONCE: u64 = 32;

/// Messages of a request, as workers send at most.
const BATCH: u64 = 100;

/// What each part does a second, alone.
pub(super) struct Limits {
    /// Bare XADDs of the log's own entries, in pipelines.
    pub(super) appends: f64,
    /// Messages handed to the vendor by the client that workers have.
    sends: f64,
    /// Bare inserts of the rows of the audit trail.
    inserts: f64,
    /// Bare updates of messages' documents.
    updates: f64,
}

impl Limits {
    pub(super) async fn measure(stage: &Stage<'_>) -> anyhow::Result<Self> {
        let sends = sends(stage).await?;
        let database = stage.deployment.store.database();
        let updates = raw_mongo::update_all(database, "messages_g1").await?;
        let rows = audit_rows::of_log(&stage.deployment.log).await?;
        let inserts = raw_mongo::insert_all(database, &rows, audit_rows::indexes()).await?;
        let url = &stage.engines.redis_url;
        let raw = raw_redis::append_again(url, &stage.deployment.log).await?;
        Ok(Self {
            appends: raw.per_second,
            sends,
            inserts: inserts.per_second,
            updates,
        })
    }

    /// Messages a second if these did nothing but what a message needs, one
    /// after the other: three entries and their rows in the audit trail, its
    /// share of a request, a document that is made and changed twice.
    pub(super) fn messages(&self) -> f64 {
        let Self {
            appends,
            sends,
            inserts,
            updates,
        } = self;
        1.0 / (3.0 / appends + 1.0 / sends + 4.0 / inserts + 2.0 / updates)
    }

    pub(super) fn tell(&self, report: &mut Report) {
        report.figure(
            "raw XADD of the same entries, durable",
            self.appends,
            "entries/s",
        );
        report.figure(
            "the vendor alone, by the workers' client",
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
        report.figure("a message of these alone", self.messages(), "messages/s");
    }
}

/// Hands messages to the vendor, which posts no receipts of them.
async fn sends(stage: &Stage<'_>) -> anyhow::Result<f64> {
    let url = format!("{}/vendor/settings", stage.vendor_url);
    let quiet = stage.http.put(url).json(&json!({"lost_rate": 1.0}));
    quiet.send().await?.error_for_status()?;
    let start = Instant::now();
    let lanes = (0..AT_ONCE).map(|lane| hand_over(stage, lane, start));
    let count: u64 = try_join_all(lanes).await?.into_iter().sum();
    Ok(count as f64 / start.elapsed().as_secs_f64())
}

async fn hand_over(stage: &Stage<'_>, lane: u64, start: Instant) -> anyhow::Result<u64> {
    let url = format!("{}/vendor/send", stage.vendor_url);
    let mut count = 0;
    while start.elapsed() < TIME {
        let message = |n: u64| {
            json!({
                "message_id": format!("bare_{lane}_{n}"),
                "to": format!("c-{n}@example.com"),
                "content": {"text": "Hi Customer, we miss you: what you like is waiting for you."},
                "callback_url": format!("http://{}/api/delivery/receipt", stage.api.address),
            })
        };
        let batch: Vec<Value> = (count..count + BATCH).map(message).collect();
        let answer = stage.http.post(&url).json(&batch).send().await?;
        answer.error_for_status()?.bytes().await?;
        count += BATCH;
    }
    Ok(count)
}
