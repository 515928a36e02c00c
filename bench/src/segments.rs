//! `patron-bench segments`: counts and previews of common rules.

use std::time::{Duration, Instant};

use bson::{DateTime, Document, RawDocumentBuf, doc};
use clap::Args;
use domain::Timestamp;
use domain::rules::Rules;
use mongodb::Collection;
use mongodb::options::Hint;

use super::columns::Columns;
use super::customers::{CustomerGenerator, NOW};
use super::deployment::BenchDeployment;
use super::report::{BenchReport, grouped};
use engines::Engines;

/// Options of `patron-bench segments`.
#[derive(Args)]
pub(super) struct SegmentsArgs {
    /// Number of customers to generate
    #[arg(long, default_value_t = 1_000_000)]
    customers: u64,

    /// Number of runs of each rule
    #[arg(long, default_value_t = 21)]
    rounds: i64,

    /// Seed of the generated customers
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Number of customers in a sample.
const SAMPLE: usize = 5;

/// Rule, and the equivalent query written by hand. The rule's first value changes from round to
/// round, as it does while a user types.
struct Case {
    name: &'static str,
    rules: fn(i64) -> String,
    by_hand: fn(i64) -> Document,
    /// Best index for the query.
    index: Option<Document>,
}

/// Returns the time of a round, in milliseconds. It advances, as the clock does between two
/// queries.
fn clock(round: i64) -> i64 {
    NOW + round * 250
}

/// Returns the time `days` days before the time of a round.
fn days_ago(days: i64, round: i64) -> DateTime {
    DateTime::from_millis(clock(round) - days * 86_400_000)
}

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    vec![
        Case {
            name: "total_spend > A",
            rules: |i| format!("total_spend > {}", 22_000 + i),
            by_hand: |i| doc! {"total_spend": {"$gt": 22_000 + i}},
            index: Some(doc! {"total_spend": 1, "last_order_at": 1}),
        },
        Case {
            name: "total_spend between A AND B",
            rules: |i| format!("total_spend between {} AND 9000", 5_500 + i),
            by_hand: |i| doc! {"total_spend": {"$gte": 5_500 + i, "$lte": 9_000}},
            index: Some(doc! {"total_spend": 1, "last_order_at": 1}),
        },
        Case {
            name: "city = A AND order_count >= 3",
            rules: |i| format!("city = City{:03} AND order_count >= 3", 20 + i),
            by_hand: |i| doc! {"city": format!("City{:03}", 20 + i), "order_count": {"$gte": 3}},
            index: Some(doc! {"city": 1}),
        },
        Case {
            name: "total_spend > A AND days_since_last_order > 180",
            rules: |i| format!("total_spend > {} AND days_since_last_order > 180", 5_000 + i),
            by_hand: |i| doc! {"total_spend": {"$gt": 5_000 + i}, "last_order_at": {"$lte": days_ago(181, i)}},
            index: Some(doc! {"total_spend": 1, "last_order_at": 1}),
        },
        Case {
            name: "days_since_last_order > A",
            rules: |i| format!("days_since_last_order > {}", 365 + i),
            by_hand: |i| doc! {"last_order_at": {"$lte": days_ago(366 + i, i)}},
            index: Some(doc! {"last_order_at": 1}),
        },
        Case {
            name: "tags contains A",
            rules: |i| format!("tags contains tag{:02}", 2 + i % 20),
            by_hand: |i| doc! {"tags": format!("tag{:02}", 2 + i % 20)},
            index: Some(doc! {"tags": 1}),
        },
        Case {
            name: "total_spend > A AND order_count < 3",
            rules: |i| format!("total_spend > {} AND order_count < 3", 6_000 + i),
            by_hand: |i| doc! {"total_spend": {"$gt": 6_000 + i}, "order_count": {"$lt": 3}},
            index: Some(doc! {"order_count": 1, "total_spend": 1}),
        },
        Case {
            name: "(total_spend > A AND order_count < 3) OR days_since_last_order > 700",
            rules: |i| format!("(total_spend > {} AND order_count < 3) OR days_since_last_order > 700", 6_000 + i),
            by_hand: |i| doc! {"$or": [
                {"total_spend": {"$gt": 6_000 + i}, "order_count": {"$lt": 3}},
                {"last_order_at": {"$lte": days_ago(701, i)}},
            ]},
            index: None,
        },
        Case {
            name: "visits >= A AND order_count = 0",
            rules: |i| format!("visits >= {} AND order_count = 0", 8 + i % 3),
            by_hand: |i| doc! {"events.visit.count": {"$gte": 8 + i % 3}, "order_count": 0},
            index: Some(doc! {"order_count": 1, "events.visit.count": 1}),
        },
        Case {
            name: "days_since_registered < A AND order_count = 0",
            rules: |i| format!("days_since_registered < {} AND order_count = 0", 30 + i),
            by_hand: |i| doc! {"registered_at": {"$gt": days_ago(30 + i, i)}, "order_count": 0},
            index: Some(doc! {"order_count": 1, "registered_at": 1}),
        },
    ]
}

pub(super) async fn run(args: &SegmentsArgs, engines: &Engines) -> anyhow::Result<BenchReport> {
    let deployment = BenchDeployment::open(engines).await?;
    let columns = fill(&deployment, args.customers, args.seed).await?;
    let bench = Bench {
        customers: deployment.store.collection("customers", 1),
        deployment,
        columns,
    };
    let mut report = BenchReport::default();
    for case in cases() {
        let measured = bench.measure(&case, args.rounds).await?;
        measured.add_to(&mut report, case.name);
    }
    Ok(report)
}

/// Inserts generated customers into the view's collection, then builds the indexes.
pub(super) async fn fill(
    deployment: &BenchDeployment,
    count: u64,
    seed: u64,
) -> anyhow::Result<Columns> {
    let mut columns = Columns::default();
    let mut customers = CustomerGenerator::new(count, seed);
    let collection = deployment.store.collection("customers", 1);
    loop {
        let batch = customers.batch(2_000)?;
        if batch.is_empty() {
            break;
        }
        for document in &batch {
            columns.push(&bson::deserialize_from_slice(document.as_bytes())?);
        }
        collection.insert_many(batch).ordered(false).await?;
    }
    tracing::info!(
        customers = count,
        "customers inserted, building the indexes"
    );
    deployment.store.generations().prepare().await?;
    Ok(columns)
}

struct Bench {
    deployment: BenchDeployment,
    customers: Collection<RawDocumentBuf>,
    columns: Columns,
}

/// Times of each round, and the number of customers that matched in the last one.
#[derive(Default)]
struct MeasuredCase {
    matched: u64,
    by_hand: Vec<Duration>,
    count: Vec<Duration>,
    first: Vec<Duration>,
    typing: Vec<Duration>,
    columns: Vec<Duration>,
}

impl Bench {
    async fn measure(&self, case: &Case, rounds: i64) -> anyhow::Result<MeasuredCase> {
        let store = &self.deployment.store;
        let mut measured = MeasuredCase::default();
        // Warm-up: work that MongoDB and the driver do only once must not count for the rule.
        store
            .preview(
                &(case.rules)(-1).parse()?,
                Timestamp::from_millis(NOW)?,
                SAMPLE,
            )
            .await?;
        for round in 0..rounds {
            let rules: Rules = (case.rules)(round).parse()?;
            let now = Timestamp::from_millis(clock(round))?;
            let start = Instant::now();
            let by_hand = self.by_hand(case, round).await?;
            measured.by_hand.push(start.elapsed());

            let start = Instant::now();
            let count = store.count_members(&rules, now).await?;
            measured.count.push(start.elapsed());

            let typing = store.preview(&rules, now, SAMPLE).await?;
            measured.typing.push(typing.took);

            self.invalidate_counts(round).await?;
            let first = store.preview(&rules, now, SAMPLE).await?;
            measured.first.push(first.took);

            let start = Instant::now();
            let in_columns = self.columns.counts(&rules, now);
            measured.columns.push(start.elapsed());

            measured.matched = by_hand;
            let nodes: Vec<u64> = first.nodes.iter().map(|node| node.count).collect();
            anyhow::ensure!(
                count == by_hand && first.count == by_hand && nodes == in_columns,
                "{rules}: {by_hand} by hand, {count} counted, nodes {nodes:?} and {in_columns:?} in columns"
            );
        }
        Ok(measured)
    }

    async fn by_hand(&self, case: &Case, round: i64) -> anyhow::Result<u64> {
        let filter = (case.by_hand)(round);
        let mut count = self.customers.count_documents(filter);
        if let Some(index) = &case.index {
            count = count.hint(Hint::Keys(index.clone()));
        }
        Ok(count.await?)
    }

    /// Moves the view's checkpoint as a new event would, which invalidates all cached counts.
    async fn invalidate_counts(&self, round: i64) -> anyhow::Result<()> {
        let checkpoints = self
            .deployment
            .store
            .database()
            .collection::<Document>("checkpoints");
        let checkpoint = doc! {
            "_id": "customers_g1/0", "view": "customers", "generation": 1,
            "partition": 0, "number": round, "fingerprint": "",
        };
        let replace = checkpoints.replace_one(doc! {"_id": "customers_g1/0"}, checkpoint);
        replace.upsert(true).await?;
        Ok(())
    }
}

impl MeasuredCase {
    fn add_to(self, report: &mut BenchReport, name: &str) {
        let matched = grouped(self.matched);
        let by_hand = quantile(&self.by_hand, 0.5);
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let ratio = |times: &[Duration]| ms(quantile(times, 0.5)) / ms(by_hand);
        report.figure(
            format!("{name}: by hand, {matched} customers"),
            ms(by_hand),
            "ms",
        );
        for (what, times) in [
            ("count", &self.count),
            ("first preview", &self.first),
            ("preview while typing", &self.typing),
            ("all nodes in columns", &self.columns),
        ] {
            report.figure(format!("{name}: {what}"), ms(quantile(times, 0.5)), "ms");
        }
        report.figure(
            format!("{name}: count, p95"),
            ms(quantile(&self.count, 0.95)),
            "ms",
        );
        report.figure(
            format!("{name}: first preview, p95"),
            ms(quantile(&self.first, 0.95)),
            "ms",
        );
        report.ratio(
            format!("{name}: count / by hand"),
            ratio(&self.count),
            "≤ 1.2",
        );
        report.ratio(
            format!("{name}: first preview / by hand"),
            ratio(&self.first),
            "≤ 2.5",
        );
        report.ratio(
            format!("{name}: preview while typing / by hand"),
            ratio(&self.typing),
            "≤ 2.5",
        );
    }
}

/// Returns the time that this share of the times, 0 to 1, does not exceed.
pub(super) fn quantile(times: &[Duration], share: f64) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    let at = (times.len() as f64 * share).ceil() as usize;
    times.get(at.saturating_sub(1)).copied().unwrap_or_default()
}
