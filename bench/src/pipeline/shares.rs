//! Division of the work between two workers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::PipelineArgs;
use super::running::RunningBuild;
use crate::bulk;
use crate::orders::OrderGenerator;
use crate::report::BenchReport;

/// Maximum time for the owners of partitions to become stable.
const STABLE_LIMIT: Duration = Duration::from_secs(120);

/// Interval at which the owners are polled. They are stable if two polls in a row agree.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// Worker, from `GET /api/admin/workers`.
#[derive(Deserialize)]
struct WorkerPartitions {
    name: String,
    folds: Vec<u16>,
}

/// Partitions of each worker.
type Owners = BTreeMap<String, BTreeSet<u16>>;

/// Starts a second worker and sends half as many orders as before. Measures each worker's share of
/// the folded events, if the API lists the owners of partitions.
pub(super) async fn measure(
    running: &mut RunningBuild<'_>,
    args: &PipelineArgs,
    report: &mut BenchReport,
) -> anyhow::Result<()> {
    running.wait_until_caught_up().await?;
    running.add_worker().await?;
    let owners = wait_for_stable_owners(running).await?;
    let before = folded_numbers(running).await?;
    let orders = OrderGenerator::of_customers(args.orders / 2, args.customers, args.seed + 2)?;
    // With the ids of the earlier orders, these would be updates.
    let bodies = bulk::bodies(orders.with_prefix("w"))?;
    let (cpu_times, start) = (running.cpu_times()?, Instant::now());
    bulk::send(&running.api.address, bodies).await?;
    running.wait_until_caught_up().await?;
    let took = start.elapsed();
    let cpu_times = running.cpu_times_since(cpu_times)?;

    let count = (args.orders / 2) as f64;
    let per_second = count / took.as_secs_f64();
    report.figure("two workers: orders in all views", per_second, "orders/s");
    for (name, time) in &cpu_times {
        let micros = time.as_secs_f64() * 1e6 / count;
        report.figure(
            format!("two workers: CPU time per order, {name}"),
            micros,
            "µs",
        );
    }
    let Some(owners) = owners else {
        return Ok(());
    };
    let after = folded_numbers(running).await?;
    anyhow::ensure!(
        read_owners(running).await?.as_ref() == Some(&owners),
        "partitions changed their owners during the measurement"
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

/// Waits until every partition is owned by one of the two workers. Returns `None` if the API does
/// not list them.
async fn wait_for_stable_owners(running: &mut RunningBuild<'_>) -> anyhow::Result<Option<Owners>> {
    let partitions = folded_numbers(running).await?.len();
    let deadline = Instant::now() + STABLE_LIMIT;
    let mut known = None;
    loop {
        let Some(owners) = read_owners(running).await? else {
            tokio::time::sleep(POLL_INTERVAL * 2).await;
            return Ok(None);
        };
        let owned: usize = owners.values().map(BTreeSet::len).sum();
        if owners.len() == 2 && owned == partitions && known.as_ref() == Some(&owners) {
            return Ok(known);
        }
        anyhow::ensure!(
            Instant::now() < deadline,
            "the owners of partitions did not become stable: {owners:?}"
        );
        known = Some(owners);
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

async fn read_owners(running: &mut RunningBuild<'_>) -> anyhow::Result<Option<Owners>> {
    let Some(mut answer) = running.read("/api/admin/workers").await? else {
        return Ok(None);
    };
    // A build in which workers do not own partitions has other fields.
    let Ok(workers) = serde_json::from_value::<Vec<WorkerPartitions>>(answer["items"].take())
    else {
        return Ok(None);
    };
    let owners = workers
        .into_iter()
        .map(|worker| (worker.name, worker.folds.into_iter().collect()));
    Ok(Some(owners.collect()))
}

/// Returns the number of the last folded event of each partition.
async fn folded_numbers(running: &mut RunningBuild<'_>) -> anyhow::Result<BTreeMap<u16, u64>> {
    let views = running.views().await?;
    let partitions = views.into_iter().flat_map(|view| view.partitions);
    Ok(partitions.map(|at| (at.partition, at.number)).collect())
}
