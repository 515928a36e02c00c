//! `patron-bench assist`: the built-in engine, and queries over all customers.

use std::time::{Duration, Instant};

use ::assist::{Facts, builtin};
use bson::{RawDocumentBuf, doc};
use clap::Args;
use domain::rules::Rules;
use domain::{Currency, Timestamp};
use mongodb::Collection;

use super::customers::NOW;
use super::deployment::BenchDeployment;
use super::report::{BenchReport, grouped};
use super::segments::{fill, quantile};
use engines::Engines;

/// Options of `patron-bench assist`.
#[derive(Args)]
pub(super) struct AssistArgs {
    /// Number of customers to generate
    #[arg(long, default_value_t = 1_000_000)]
    customers: u64,

    /// Number of runs of each query
    #[arg(long, default_value_t = 5)]
    rounds: usize,

    /// Seed of the generated customers
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Requests of a typical length.
const PROMPTS: [&str; 4] = [
    "high spenders who visited twice but haven't bought in 3 months",
    "customers who spent between 2k and 5k and ordered at least 3 times",
    "never ordered and joined in the last 30 days, without an email",
    "top 10% by orders except those who ordered in the last 90 days",
];

/// Rules that match a few customers, and about a third of all customers.
const AUDIENCES: [&str; 2] = ["total_spend > 40000", "order_count >= 2"];

/// Number of documents that MongoDB sends per batch.
const BATCH: u32 = 20_000;

pub(super) async fn run(args: &AssistArgs, engines: &Engines) -> anyhow::Result<BenchReport> {
    let mut report = BenchReport::default();
    measure_parsing(args, &mut report)?;
    let deployment = BenchDeployment::open(engines).await?;
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

/// Measures how long the built-in engine takes to parse requests of typical and of maximum length.
fn measure_parsing(args: &AssistArgs, report: &mut BenchReport) -> anyhow::Result<()> {
    let facts = Facts::new(Currency::try_from("USD")?);
    let mut all = PROMPTS.to_vec();
    let long = "ordered at least 3 times and ".repeat(80);
    all.push(&long[..builtin::MAX_PROMPT]);
    let mut short_times = Vec::new();
    let mut long_times = Vec::new();
    for _ in 0..args.rounds {
        for prompt in &all {
            let start = Instant::now();
            // Some requests need quantiles and are refused without them. Refusing one takes as
            // long as parsing it.
            let _rules = std::hint::black_box(builtin::rules(prompt, &facts));
            let times = match prompt.len() {
                0..200 => &mut short_times,
                _ => &mut long_times,
            };
            times.push(start.elapsed());
        }
    }
    add_median(report, "parsing a request", &short_times);
    add_median(report, "parsing a request of 2,000 characters", &long_times);
    Ok(())
}

struct Bench {
    deployment: BenchDeployment,
    customers: Collection<RawDocumentBuf>,
    rounds: usize,
    report: BenchReport,
}

impl Bench {
    async fn measure(mut self) -> anyhow::Result<BenchReport> {
        let now = Timestamp::from_millis(NOW)?;
        let store = self.deployment.store.clone();
        let documents = self.customers.clone();
        self.measure_query("reading every document", async || {
            // The lower bound for the queries that no index answers.
            let mut cursor = documents.find(doc! {}).batch_size(BATCH).await?;
            let mut read = 0;
            while cursor.advance().await? {
                std::hint::black_box(cursor.current());
                read += 1;
            }
            Ok(read)
        })
        .await?;
        self.measure_query("store facts", async || {
            Ok(store.store_facts().await?.customers)
        })
        .await?;
        for rules in AUDIENCES {
            let parsed: Rules = rules.parse()?;
            self.measure_query(&format!("busy hours: {rules}"), async || {
                let busy = store.busy_hours(&parsed, now, chrono_tz::Tz::UTC);
                Ok(busy.await?.customers)
            })
            .await?;
            self.measure_query(&format!("lookalikes: {rules}"), async || {
                store.lookalikes(&parsed, now, 20).await?;
                Ok(store.count_members(&parsed, now).await?)
            })
            .await?;
        }
        Ok(self.report)
    }

    /// Runs a query once to warm up, then measures `rounds` runs. The query returns the number of
    /// customers that it covers.
    async fn measure_query(
        &mut self,
        name: &str,
        query: impl AsyncFn() -> anyhow::Result<u64>,
    ) -> anyhow::Result<()> {
        let customers = query().await?;
        let mut times = Vec::new();
        for _ in 0..self.rounds {
            let start = Instant::now();
            query().await?;
            times.push(start.elapsed());
        }
        let name = format!("{name}, {} customers", grouped(customers));
        add_median(&mut self.report, &name, &times);
        Ok(())
    }
}

fn add_median(report: &mut BenchReport, name: &str, times: &[Duration]) {
    let ms = quantile(times, 0.5).as_secs_f64() * 1e3;
    report.figure(name, ms, "ms");
}
