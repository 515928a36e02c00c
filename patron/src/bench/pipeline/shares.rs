//! How two workers share the work.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::super::bulk;
use super::super::orders::Orders;
use super::super::report::Report;
use super::PipelineArgs;
use super::running::Running;

/// How long partitions may take to come to rest with their owners.
const PATIENCE: Duration = Duration::from_secs(120);

/// From one look at the owners to the next; they are at rest if both see the
/// same.
const LOOK: Duration = Duration::from_secs(5);

/// A worker as `GET /api/admin/workers` tells.
#[derive(Deserialize)]
struct Worker {
    name: String,
    folds: Vec<u16>,
}

/// The partitions of each worker.
type Owners = BTreeMap<String, BTreeSet<u16>>;

/// Starts a second worker and sends half as many orders as before. Finds out
/// which share of the events each has folded, if the API tells who owns which
/// partition.
pub(super) async fn measure(
    running: &mut Running<'_>,
    args: &PipelineArgs,
    report: &mut Report,
) -> anyhow::Result<()> {
    running.caught_up().await?;
    running.add_worker().await?;
    let owners = at_rest(running).await?;
    let before = numbers(running).await?;
    let orders = Orders::of_customers(args.orders / 2, args.customers, args.seed + 2)?;
    // Named as before, an order would be a change.
    let bodies = bulk::bodies(orders.named("w"))?;
    let (computed, start) = (running.computed()?, Instant::now());
    bulk::send(&running.api.address, bodies).await?;
    running.caught_up().await?;
    let took = start.elapsed();
    let computed = running.computed_since(&computed)?;

    let count = (args.orders / 2) as f64;
    let per_second = count / took.as_secs_f64();
    report.figure("two workers: orders in all views", per_second, "orders/s");
    for (name, time) in &computed {
        let micros = time.as_secs_f64() * 1e6 / count;
        report.figure(format!("two workers: {name}"), micros, "µs/order");
    }
    let Some(owners) = owners else {
        return Ok(());
    };
    let after = numbers(running).await?;
    anyhow::ensure!(
        read_owners(running).await?.as_ref() == Some(&owners),
        "partitions changed their owners meanwhile"
    );
    let folded = |partition: &u16| after.get(partition).zip(before.get(partition));
    let folded = |partition: &u16| folded(partition).map_or(0, |(after, before)| after - before);
    let total: u64 = after.keys().map(folded).sum();
    for (which, partitions) in ["one", "the other"].iter().zip(owners.values()) {
        let share = partitions.iter().map(folded).sum::<u64>() as f64 / total as f64;
        let count = partitions.len();
        let name = format!("two workers: folded by {which}, {count} partitions");
        report.figure(name, share * 100.0, "% of events");
    }
    Ok(())
}

/// The owners, once every partition has one of two; none if the API does not
/// tell.
async fn at_rest(running: &mut Running<'_>) -> anyhow::Result<Option<Owners>> {
    let partitions = numbers(running).await?.len();
    let deadline = Instant::now() + PATIENCE;
    let mut known = None;
    loop {
        let Some(owners) = read_owners(running).await? else {
            tokio::time::sleep(LOOK * 2).await;
            return Ok(None);
        };
        let owned: usize = owners.values().map(BTreeSet::len).sum();
        if owners.len() == 2 && owned == partitions && known.as_ref() == Some(&owners) {
            return Ok(known);
        }
        anyhow::ensure!(
            Instant::now() < deadline,
            "partitions have no owners: {owners:?}"
        );
        known = Some(owners);
        tokio::time::sleep(LOOK).await;
    }
}

async fn read_owners(running: &mut Running<'_>) -> anyhow::Result<Option<Owners>> {
    let Some(mut answer) = running.read("/api/admin/workers").await? else {
        return Ok(None);
    };
    // A build of other owners than those of partitions tells other things.
    let Ok(workers) = serde_json::from_value::<Vec<Worker>>(answer["items"].take()) else {
        return Ok(None);
    };
    let owners = workers
        .into_iter()
        .map(|worker| (worker.name, worker.folds.into_iter().collect()));
    Ok(Some(owners.collect()))
}

/// The last event that was folded, by partition.
async fn numbers(running: &mut Running<'_>) -> anyhow::Result<BTreeMap<u16, u64>> {
    let views = running.views().await?;
    let partitions = views.into_iter().flat_map(|view| view.partitions);
    Ok(partitions.map(|at| (at.partition, at.number)).collect())
}
