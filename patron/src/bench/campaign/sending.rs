//! One campaign, from its launch until its last receipt is folded.

use std::time::{Duration, Instant};

use anyhow::Context;
use chrono::Utc;
use domain::{CampaignId, Timestamp};
use eventlog::Log;
use projections::campaign_stats::CampaignFigures;
use serde_json::json;

use super::super::process::Process;
use super::customers::FIRST;
use super::stage::Stage;
use super::times::Times;

/// How often it is looked how far it is, and how much memory the workers have.
const LOOK: Duration = Duration::from_millis(100);

/// After so long without a change something has gone wrong.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a campaign came to.
pub(super) struct Sent {
    pub(super) campaign: CampaignId,
    pub(super) recipients: u64,
    /// From the launch until the views have its last receipt.
    pub(super) took: Duration,
    /// How much Redis memory the streams of the log took for it.
    pub(super) log_bytes: u64,
    pub(super) times: Times,
    /// How long each process has computed meanwhile.
    pub(super) computed: Vec<(&'static str, Duration)>,
    /// The workers' memory before the launch, in bytes.
    pub(super) before: u64,
    /// The same while it was sent, every [`LOOK`].
    memory: Vec<u64>,
    /// The most that it ever was.
    pub(super) peak: u64,
}

impl Sent {
    pub(super) fn per_second(&self) -> f64 {
        self.recipients as f64 / self.took.as_secs_f64()
    }

    /// How long after its last event the views had it.
    pub(super) fn folding(&self) -> Duration {
        self.took.saturating_sub(self.times.until_last)
    }

    /// The mean memory in each quarter of the time.
    pub(super) fn curve(&self) -> Vec<(&'static str, u64)> {
        let quarters = ["1st quarter", "2nd quarter", "3rd quarter", "4th quarter"];
        let size = self.memory.len().div_ceil(quarters.len()).max(1);
        let mean = |part: &[u64]| part.iter().sum::<u64>() / part.len() as u64;
        let means = self.memory.chunks(size).map(mean);
        quarters.into_iter().zip(means).collect()
    }
}

/// Sends a campaign to those whom the rules match, by new workers.
pub(super) async fn measure(
    stage: &Stage<'_>,
    rules: &str,
    recipients: u64,
    template: &str,
) -> anyhow::Result<Sent> {
    let worker = stage.worker().await?;
    let first = launch(stage, FIRST, template).await?;
    ended(stage, &first, &worker).await?;
    stage.caught_up().await?;
    let log = &stage.deployment.log;
    let (before, from) = (worker.resident()?, log.ends().await?);
    let bytes_before = stream_bytes(log).await?;

    let (computed, clock) = (stage.computed(&worker)?, Timestamp::from(Utc::now()));
    let start = Instant::now();
    let campaign = launch(stage, rules, template).await?;
    let memory = ended(stage, &campaign, &worker).await?;
    stage.caught_up().await?;
    let took = start.elapsed();
    let computed = since(computed, stage.computed(&worker)?);

    completed(stage, &campaign).await?;
    let log_bytes = stream_bytes(log).await?.saturating_sub(bytes_before);
    let (peak, times) = (
        worker.peak()?,
        Times::read(log, from, &campaign, clock).await?,
    );
    worker.stop().await?;
    Ok(Sent {
        campaign,
        recipients,
        took,
        log_bytes,
        times,
        computed,
        before,
        memory,
        peak,
    })
}

/// A template whose text has at least so many bytes.
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

async fn launch(stage: &Stage<'_>, rules: &str, template: &str) -> anyhow::Result<CampaignId> {
    let campaign = json!({
        "name": "Come back",
        "rules": rules,
        "message": {"template": template},
        "launch": true,
    });
    let created = stage.create("/api/campaigns", &campaign).await?;
    let id = created["campaign_id"].as_str().context("no campaign")?;
    Ok(CampaignId::try_from(id)?)
}

/// Waits until all of its messages have ended; the workers' memory meanwhile.
async fn ended(
    stage: &Stage<'_>,
    campaign: &CampaignId,
    worker: &Process,
) -> anyhow::Result<Vec<u64>> {
    let mut memory = Vec::new();
    let (mut known, mut changed) = (CampaignFigures::default(), Instant::now());
    loop {
        memory.push(worker.resident()?);
        let mut figures = stage.deployment.store.campaign_stats(&[campaign]).await?;
        let figures = figures.remove(campaign).unwrap_or_default();
        let open = figures.pending() + figures.awaiting_receipt();
        if open == 0 && figures.audience() > 0 && resolved(stage, campaign, &figures).await? {
            return Ok(memory);
        }
        if figures != known {
            (known, changed) = (figures, Instant::now());
        }
        anyhow::ensure!(changed.elapsed() < PATIENCE, "nothing happens: {known:?}");
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether nobody else is to get a message.
async fn resolved(
    stage: &Stage<'_>,
    campaign: &CampaignId,
    figures: &CampaignFigures,
) -> anyhow::Result<bool> {
    let head = stage.deployment.commands.campaign(campaign).await?;
    let size = head.and_then(|campaign| campaign.size());
    Ok(size.is_some_and(|size| size.planned == figures.audience().unsigned_abs()))
}

/// Waits until the workers have seen that it is over.
async fn completed(stage: &Stage<'_>, campaign: &CampaignId) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let path = format!("/api/campaigns/{campaign}");
    while stage.read(&path).await?["status"] != "completed" {
        anyhow::ensure!(Instant::now() < deadline, "it is never completed");
        tokio::time::sleep(LOOK).await;
    }
    stage.caught_up().await
}

type Computed = Vec<(&'static str, Duration)>;

fn since(before: Computed, after: Computed) -> Computed {
    let both = before.into_iter().zip(after);
    both.map(|((name, before), (_, after))| (name, after.saturating_sub(before)))
        .collect()
}
