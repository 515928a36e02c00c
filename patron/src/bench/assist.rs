//! `patron bench assist`.

use std::time::{Duration, Instant};

use ::assist::{Facts, builtin};
use bson::{RawDocumentBuf, doc};
use clap::Args;
use domain::rules::Rules;
use domain::{Currency, Timestamp};
use mongodb::Collection;

use super::customers::NOW;
use super::report::Report;
use super::segments::{fill, quantile};
use crate::deployment::{Deployment, DeploymentOptions};
use crate::engines::Engines;

/// Options of `patron bench assist`.
#[derive(Args)]
pub(super) struct AssistArgs {
    /// How many customers to make
    #[arg(long, default_value_t = 1_000_000)]
    customers: u64,

    /// How often each question is asked
    #[arg(long, default_value_t = 5)]
    rounds: usize,

    /// What the customers are made from
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Requests of the length that people write.
const PROMPTS: [&str; 4] = [
    "high spenders who visited twice but haven't bought in 3 months",
    "customers who spent between 2k and 5k and ordered at least 3 times",
    "never ordered and joined in the last 30 days, without an email",
    "top 10% by orders except those who ordered in the last 90 days",
];

/// A few of the customers, and about a third of them.
const AUDIENCES: [&str; 2] = ["total_spend > 40000", "order_count >= 2"];

/// How many documents MongoDB sends at once.
const BATCH: u32 = 20_000;

pub(super) async fn run(args: &AssistArgs, engines: &Engines) -> anyhow::Result<Report> {
    let mut report = Report::default();
    read(args, &mut report)?;
    let options = DeploymentOptions::for_bench();
    let deployment = Deployment::open(&engines.redis_url, &engines.mongodb_uri, &options).await?;
    fill(&deployment, args.customers, args.seed).await?;
    let customers = deployment.store.collection("customers", 1);
    let bench = Bench {
        deployment,
        customers,
        rounds: args.rounds,
        report,
    };
    bench.measure().await
}

/// How long the reader takes, for what people write and for the most that it takes.
fn read(args: &AssistArgs, report: &mut Report) -> anyhow::Result<()> {
    let facts = Facts::new(Currency::try_from("USD")?);
    let mut all = PROMPTS.to_vec();
    let long = "ordered at least 3 times and ".repeat(80);
    all.push(&long[..builtin::MAX_PROMPT]);
    let mut short_times = Vec::new();
    let mut long_times = Vec::new();
    for _ in 0..args.rounds {
        for prompt in &all {
            let start = Instant::now();
            // Without quantiles some are refused, which takes as long.
            let _understood = std::hint::black_box(builtin::rules(prompt, &facts));
            let times = match prompt.len() {
                0..200 => &mut short_times,
                _ => &mut long_times,
            };
            times.push(start.elapsed());
        }
    }
    tell(report, "reading a request", &short_times);
    tell(report, "reading one of 2,000 characters", &long_times);
    Ok(())
}

struct Bench {
    deployment: Deployment,
    customers: Collection<RawDocumentBuf>,
    rounds: usize,
    report: Report,
}

impl Bench {
    async fn measure(mut self) -> anyhow::Result<Report> {
        let now = Timestamp::from_millis(NOW)?;
        let store = self.deployment.store.clone();
        let documents = self.customers.clone();
        self.ask("every document, from one cursor", async || {
            Ok(every(&documents).await?)
        })
        .await?;
        self.ask("what the store says of itself", async || {
            Ok(store.store_facts().await?.customers)
        })
        .await?;
        for rules in AUDIENCES {
            let parsed: Rules = rules.parse()?;
            self.ask(&format!("when to send: {rules}"), async || {
                let busy = store.busy_hours(&parsed, now, chrono_tz::Tz::UTC);
                Ok(busy.await?.customers)
            })
            .await?;
            self.ask(&format!("lookalikes: {rules}"), async || {
                store.lookalikes(&parsed, now, 20).await?;
                Ok(store.count_members(&parsed, now).await?)
            })
            .await?;
        }
        Ok(self.report)
    }

    /// Asks as often as is wanted, after once for what is done only once; each
    /// answer says about how many customers it is.
    async fn ask(
        &mut self,
        what: &str,
        question: impl AsyncFn() -> anyhow::Result<u64>,
    ) -> anyhow::Result<()> {
        let of = question().await?;
        let mut times = Vec::new();
        for _ in 0..self.rounds {
            let start = Instant::now();
            question().await?;
            times.push(start.elapsed());
        }
        let what = format!("{what}, {}", crate::output::grouped(of));
        tell(&mut self.report, &what, &times);
        Ok(())
    }
}

/// Reads all there is, and does nothing with it: what the others cannot be
/// faster than, but for what an index tells.
async fn every(documents: &Collection<RawDocumentBuf>) -> mongodb::error::Result<u64> {
    let mut cursor = documents.find(doc! {}).batch_size(BATCH).await?;
    let mut read = 0;
    while cursor.advance().await? {
        std::hint::black_box(cursor.current());
        read += 1;
    }
    Ok(read)
}

fn tell(report: &mut Report, what: &str, times: &[Duration]) {
    let ms = quantile(times, 0.5).as_secs_f64() * 1e3;
    report.figure(what, ms, "ms");
}
