//! Measurement of one campaign, from its launch until its last receipt is folded.

use std::time::{Duration, Instant};

use anyhow::Context;
use chrono::Utc;
use domain::{CampaignId, Timestamp};
use eventlog::Log;
use projections::campaign_stats::CampaignFigures;
use serde_json::json;

use super::customers::FIRST;
use super::test_bed::TestBed;
use super::times::CampaignTimes;
use crate::process::{CpuTimes, Process, cpu_times_between};

/// Interval at which the campaign's progress and the workers' memory are polled.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Time without progress after which the benchmark fails.
const STALL_LIMIT: Duration = Duration::from_secs(120);

/// Result of one campaign.
pub(super) struct SentCampaign {
    pub(super) campaign: CampaignId,
    pub(super) recipients: u64,
    /// Time from the launch until the views have the last receipt.
    pub(super) took: Duration,
    /// Redis memory that the log's streams took for the campaign, in bytes.
    pub(super) log_bytes: u64,
    pub(super) times: CampaignTimes,
    /// Processor time of each process during the campaign.
    pub(super) cpu_times: CpuTimes,
    /// Memory of the workers before the launch, in bytes.
    pub(super) before: u64,
    /// Memory of the workers during the campaign, every [`POLL_INTERVAL`], in bytes.
    memory: Vec<u64>,
    /// Peak memory of the workers, in bytes.
    pub(super) peak: u64,
}

impl SentCampaign {
    pub(super) fn per_second(&self) -> f64 {
        self.recipients as f64 / self.took.as_secs_f64()
    }

    /// Returns the time from the last event until the views had it.
    pub(super) fn folding(&self) -> Duration {
        self.took.saturating_sub(self.times.until_last)
    }

    /// Returns the mean memory in each quarter of the time.
    pub(super) fn curve(&self) -> Vec<(&'static str, u64)> {
        let quarters = ["1st quarter", "2nd quarter", "3rd quarter", "4th quarter"];
        let size = self.memory.len().div_ceil(quarters.len()).max(1);
        let mean = |part: &[u64]| part.iter().sum::<u64>() / part.len() as u64;
        let means = self.memory.chunks(size).map(mean);
        quarters.into_iter().zip(means).collect()
    }
}

/// Sends a campaign to the customers whom the rules match, with newly started workers.
pub(super) async fn measure(
    test_bed: &TestBed<'_>,
    rules: &str,
    recipients: u64,
    template: &str,
) -> anyhow::Result<SentCampaign> {
    let worker = test_bed.start_worker().await?;
    let first = launch(test_bed, FIRST, template).await?;
    wait_until_ended(test_bed, &first, &worker).await?;
    test_bed.wait_until_caught_up().await?;
    let log = &test_bed.deployment.log;
    let (before, from) = (worker.resident()?, log.ends().await?);
    let bytes_before = stream_bytes(log).await?;

    let (cpu_times, clock) = (test_bed.cpu_times(&worker)?, Timestamp::from(Utc::now()));
    let start = Instant::now();
    let campaign = launch(test_bed, rules, template).await?;
    let memory = wait_until_ended(test_bed, &campaign, &worker).await?;
    test_bed.wait_until_caught_up().await?;
    let took = start.elapsed();
    let cpu_times = cpu_times_between(cpu_times, test_bed.cpu_times(&worker)?);

    wait_until_completed(test_bed, &campaign).await?;
    let log_bytes = stream_bytes(log).await?.saturating_sub(bytes_before);
    let (peak, times) = (
        worker.peak()?,
        CampaignTimes::read(log, from, &campaign, clock).await?,
    );
    worker.stop().await?;
    Ok(SentCampaign {
        campaign,
        recipients,
        took,
        log_bytes,
        times,
        cpu_times,
        before,
        memory,
        peak,
    })
}

/// Returns a template whose text has at least this number of bytes.
pub(super) fn template(bytes: usize) -> String {
    let mut template = "Hi {{ name }}, we miss you: what you like is waiting for you.".to_owned();
    for item in 1.. {
        if template.len() >= bytes {
            break;
        }
        template.push_str(&format!(
            "\nOffer {item}: bring this to our shop before Sunday."
        ));
    }
    template
}

async fn stream_bytes(log: &Log) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for partition in log.partitions() {
        bytes += log.stream_bytes(partition).await?;
    }
    Ok(bytes)
}

async fn launch(test_bed: &TestBed<'_>, rules: &str, template: &str) -> anyhow::Result<CampaignId> {
    let campaign = json!({
        "name": "Come back",
        "rules": rules,
        "message": {"template": template},
        "launch": true,
    });
    let created = test_bed.create("/api/campaigns", &campaign).await?;
    let id = created["campaign_id"].as_str().context("no campaign")?;
    Ok(CampaignId::try_from(id)?)
}

/// Waits until all messages of the campaign have ended. Returns the workers' memory during that
/// time.
async fn wait_until_ended(
    test_bed: &TestBed<'_>,
    campaign: &CampaignId,
    worker: &Process,
) -> anyhow::Result<Vec<u64>> {
    let mut memory = Vec::new();
    let (mut known, mut changed) = (CampaignFigures::default(), Instant::now());
    loop {
        memory.push(worker.resident()?);
        let mut figures = test_bed
            .deployment
            .store
            .campaign_stats(&[campaign])
            .await?;
        let figures = figures.remove(campaign).unwrap_or_default();
        let open = figures.pending() + figures.awaiting_receipt();
        if open == 0 && figures.audience() > 0 && is_resolved(test_bed, campaign, &figures).await? {
            return Ok(memory);
        }
        if figures != known {
            (known, changed) = (figures, Instant::now());
        }
        anyhow::ensure!(
            changed.elapsed() < STALL_LIMIT,
            "the campaign makes no progress: {known:?}"
        );
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Returns true if all recipients are known.
async fn is_resolved(
    test_bed: &TestBed<'_>,
    campaign: &CampaignId,
    figures: &CampaignFigures,
) -> anyhow::Result<bool> {
    let head = test_bed.deployment.commands.campaign(campaign).await?;
    let size = head.and_then(|campaign| campaign.size());
    Ok(size.is_some_and(|size| size.planned == figures.audience().unsigned_abs()))
}

/// Waits until the workers have completed the campaign.
async fn wait_until_completed(test_bed: &TestBed<'_>, campaign: &CampaignId) -> anyhow::Result<()> {
    let deadline = Instant::now() + STALL_LIMIT;
    let path = format!("/api/campaigns/{campaign}");
    while test_bed.read(&path).await?["status"] != "completed" {
        anyhow::ensure!(
            Instant::now() < deadline,
            "the campaign was not completed in time"
        );
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    test_bed.wait_until_caught_up().await
}
