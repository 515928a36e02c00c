//! `patron-bench order-cost`: memory of an order's head, and what the indexes for mirrors add to
//! its document.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use bson::{Document, RawDocumentBuf, doc};
use clap::Args;
use commands::{Context, OrderRecord};
use domain::{Amount, OrderItem, Text, Timestamp};
use eventlog::Log;
use futures::TryStreamExt;
use mongodb::{Collection, Database, IndexModel};
use projections::view_named;

use super::deployment::BenchDeployment;
use super::orders::{GeneratedOrder, OrderGenerator};
use super::raw_mongo;
use super::raw_redis;
use super::report::BenchReport;
use engines::Engines;

/// Fields of the indexes that exist for mirrors and for finding an order by its id.
const ADDED: [&str; 3] = ["recorded", "changed", "order_id"];

/// Options of `patron-bench order-cost`.
#[derive(Args)]
pub(super) struct OrderCostArgs {
    /// Number of orders to generate, with a third as many customers
    #[arg(long, default_value_t = 300_000)]
    orders: u64,

    /// Number of rounds, in each of which the documents are inserted with and without the indexes
    #[arg(long, default_value_t = 5)]
    rounds: usize,

    /// Seed of the generated orders
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(super) async fn run(args: &OrderCostArgs, engines: &Engines) -> anyhow::Result<BenchReport> {
    let deployment = BenchDeployment::open(engines).await?;
    let mut report = BenchReport::default();
    record(&deployment, args, |order| order).await?;
    let plain = add_heads(&mut report, engines, &deployment.log, "plain order").await?;
    record(&deployment, args, with_everything).await?;
    let name = "order with items, refund and updated_at";
    let whole = add_heads(&mut report, engines, &deployment.log, name).await?;
    report.ratio("head with everything / plain head", whole / plain, "");
    add_documents(&mut report, &deployment, args.rounds).await?;
    Ok(report)
}

/// Records the generated orders, each changed by `change`.
async fn record(
    deployment: &BenchDeployment,
    args: &OrderCostArgs,
    change: impl Fn(OrderRecord) -> OrderRecord,
) -> anyhow::Result<()> {
    let mut orders = OrderGenerator::new(args.orders, args.seed)?;
    let context = Context {
        actor: "bench".to_owned(),
        request: Some("bench".to_owned()),
        address: None,
        now: Timestamp::from(chrono::Utc::now()),
    };
    loop {
        let batch = orders.batch(10_000)?;
        if batch.is_empty() {
            return Ok(());
        }
        let record = |generated: GeneratedOrder| {
            change(OrderRecord {
                customer: generated.customer,
                order: generated.order,
                content: generated.content,
                moved_from: None,
            })
        };
        let items = batch.into_iter().map(record).collect();
        let recorded = deployment.commands.record_orders(&context, items).await?;
        anyhow::ensure!(recorded.iter().all(Result::is_ok), "an order was refused");
    }
}

/// Adds everything that an order may have: line items, a refund of a part, and the time of its last
/// change, an hour to a month after it was placed.
fn with_everything(mut order: OrderRecord) -> OrderRecord {
    let content = &mut order.content;
    let (amount, placed_at) = (content.amount.minor(), content.placed_at.millis());
    content.refunded_amount = Amount::try_from(amount / 3).unwrap_or_default();
    let later = 3_600_000 + amount * 7_919 % (30 * 86_400_000);
    content.updated_at = Timestamp::from_millis(placed_at + later).ok();
    let sku = Text::try_from(format!("cd-{}", amount % 1_000));
    content.items.extend(sku.map(|sku| OrderItem {
        sku,
        name: None,
        quantity: NonZeroU32::MIN,
        unit_amount: Some(content.amount),
    }));
    order
}

/// Measures all heads of orders. Returns their memory per head, in bytes.
async fn add_heads(
    report: &mut BenchReport,
    engines: &Engines,
    log: &Log,
    name: &str,
) -> anyhow::Result<f64> {
    let heads = raw_redis::heads(&engines.redis_url, log, "order").await?;
    let per_head = heads.memory as f64 / heads.count as f64;
    report.figure(format!("head of a {name}, key included"), per_head, "bytes");
    report.figure(
        format!("longest head of a {name}"),
        heads.longest as f64,
        "bytes",
    );
    let compact = heads.compact as f64 / heads.buckets as f64;
    report.ratio(format!("buckets in compact encoding, {name}"), compact, "1");
    Ok(per_head)
}

/// Measures inserts of the view's documents into collections with all indexes, and without those
/// for mirrors, and the time to build the indexes at the end of a rebuild.
async fn add_documents(
    report: &mut BenchReport,
    deployment: &BenchDeployment,
    rounds: usize,
) -> anyhow::Result<()> {
    let view = view_named("orders").ok_or_else(|| anyhow::anyhow!("there is no view orders"))?;
    let (store, log) = (&deployment.store, &deployment.log);
    let start = Instant::now();
    let rebuilt = projections::rebuild(store, log, view, &|_| {}).await?;
    report.figure("rebuild of orders", start.elapsed().as_secs_f64(), "s");
    let name = format!("orders_g{}", rebuilt.generation);
    let documents = raw_mongo::read_all(store.database(), &name).await?;
    let is_added = |index: &IndexModel| ADDED.iter().any(|field| index.keys.contains_key(*field));
    let few: Vec<IndexModel> = view
        .indexes()
        .into_iter()
        .filter(|i| !is_added(i))
        .collect();
    let variants = [("all indexes", view.indexes()), ("those before", few)];
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..rounds {
        // In turn, since the speed of the machine changes.
        for place in [round % 2, (round + 1) % 2] {
            let indexes = &variants[place].1;
            times[place].push(insert(store.database(), &documents, indexes).await?);
        }
    }
    let mut medians = Vec::new();
    for ((variant, _), mut times) in variants.iter().zip(times) {
        times.sort();
        let (live, build) = times[times.len() / 2];
        let per_second = documents.len() as f64 / live.as_secs_f64();
        report.figure(format!("inserts with {variant}"), per_second, "documents/s");
        report.figure(format!("building {variant}"), build.as_secs_f64(), "s");
        medians.push(live.as_secs_f64());
    }
    report.ratio(
        "inserts: all indexes / those before, time",
        medians[0] / medians[1],
        "",
    );
    Ok(())
}

/// Inserts documents into a collection that has the indexes, and builds the same indexes in one that
/// has the documents. Returns the two times.
async fn insert(
    database: &Database,
    documents: &[RawDocumentBuf],
    indexes: &[IndexModel],
) -> anyhow::Result<(Duration, Duration)> {
    const NAME: &str = "bare_orders";
    let collection: Collection<Document> = database.collection(NAME);
    collection.create_indexes(indexes.to_vec()).await?;
    let start = Instant::now();
    raw_mongo::insert(database, NAME, documents).await?;
    let live = start.elapsed();
    collection.drop_indexes().await?;
    let start = Instant::now();
    collection.create_indexes(indexes.to_vec()).await?;
    let build = start.elapsed();
    let left: Vec<IndexModel> = collection.list_indexes().await?.try_collect().await?;
    anyhow::ensure!(
        left.len() == indexes.len() + 1,
        "indexes are missing: {left:?}"
    );
    let count = collection.count_documents(doc! {}).await?;
    anyhow::ensure!(
        count == documents.len() as u64,
        "documents are missing: {count}"
    );
    collection.drop().await?;
    Ok((live, build))
}
