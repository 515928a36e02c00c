//! Previews of rules at a past instant, computed from the log alone.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use domain::Timestamp;
use domain::rules::{Predicate, Rules};
use eventlog::{Log, Partition};
use xxhash_rust::xxh3::xxh3_64;

use super::preview::{Preview, node_counts};
use super::{CustomerDocument, Customers};
use crate::runtime::decisions::Until;
use crate::runtime::error::ProjectError;
use crate::runtime::long_read::LongRead;
use crate::runtime::parallel::each_partition;
use crate::runtime::store::Store;
use crate::runtime::view::View;
use crate::views::customers::replay::{CustomersInMemory, Replay, Replayed};

/// Number of customers that are evaluated before the task yields.
const CUSTOMERS_PER_TURN: usize = 64;

/// Previews the rules at `as_of`: folds customers from the events recorded by then,
/// and resolves relative dates at that instant.
///
/// Reads the whole log, and holds the customers of a few partitions in memory at a
/// time.
///
/// # Errors
/// [`ProjectError`] if the log or MongoDB does not answer, or the log cannot be
/// read. Fails before reading if any events were trimmed.
pub async fn preview_at(
    store: &Store,
    log: &Log,
    rules: &Rules,
    as_of: Timestamp,
    sample: usize,
    reading: &LongRead,
) -> Result<Preview, ProjectError> {
    let start = Instant::now();
    reading.begin(log).await?;
    let nodes = rules.nodes();
    let evaluation = Arc::new(Evaluation {
        nodes: nodes.iter().map(|(_, node)| node.at(as_of)).collect(),
        sample,
    });
    let counts = each_partition(log.partitions(), |partition| {
        let (store, log) = (store.clone(), log.clone());
        let (evaluation, reading) = (evaluation.clone(), reading.clone());
        async move {
            let _turn = reading.turn().await;
            let until = Until::Instant(as_of);
            let skipped = store.skipped_in(&log, Customers::NAME, partition, until);
            let fold = PartitionFold {
                as_of,
                closed: HashSet::new(),
                customers: CustomersInMemory::new(store.zone(), skipped.await?),
            };
            let (customers, undetermined) = fold.run(&log, partition, &reading).await?;
            let mut counts = evaluation.run(customers).await;
            counts.undetermined = undetermined;
            Ok(counts)
        }
    });
    let mut sum = PartitionCounts::zero(nodes.len());
    for part in counts.await? {
        sum.total += part.total;
        sum.undetermined += part.undetermined;
        for (count, more) in sum.by_node.iter_mut().zip(part.by_node) {
            *count += more;
        }
        sum.sample.extend(part.sample);
    }
    sum.sample.sort_by(|(a, _), (b, _)| a.cmp(b));
    sum.sample.truncate(sample);
    Ok(Preview {
        count: sum.by_node.first().copied().unwrap_or_default(),
        total: sum.total,
        undetermined: sum.undetermined,
        sample: sum.sample,
        nodes: node_counts(&nodes, sum.by_node),
        took: start.elapsed(),
    })
}

/// Predicates that are evaluated on each customer.
struct Evaluation {
    /// All nodes of the rules, the root first.
    nodes: Vec<Predicate>,
    /// Maximum number of customers in the sample.
    sample: usize,
}

/// Counts by node, and a sample, over the customers of some partitions.
struct PartitionCounts {
    total: u64,
    undetermined: u64,
    by_node: Vec<u64>,
    sample: Vec<(String, CustomerDocument)>,
}

impl PartitionCounts {
    fn zero(nodes: usize) -> Self {
        Self {
            total: 0,
            undetermined: 0,
            by_node: vec![0; nodes],
            sample: Vec::new(),
        }
    }
}

impl Evaluation {
    async fn run(&self, customers: HashMap<String, CustomerDocument>) -> PartitionCounts {
        let mut counts = PartitionCounts::zero(self.nodes.len());
        let mut customers: Vec<_> = customers.into_iter().collect();
        // In order of ids, so that the sample does not depend on the hash map.
        customers.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        for (index, (id, document)) in customers.into_iter().enumerate() {
            // Lets other tasks run, and stops here if the request was dropped.
            if index % CUSTOMERS_PER_TURN == 0 {
                tokio::task::yield_now().await;
            }
            let facts = document.facts();
            let mut matches_root = false;
            for (node, (count, predicate)) in counts.by_node.iter_mut().zip(&self.nodes).enumerate()
            {
                let matches = predicate.matches(&facts);
                *count += u64::from(matches);
                matches_root |= matches && node == 0;
            }
            counts.total += 1;
            if matches_root && counts.sample.len() < self.sample {
                counts.sample.push((id, document));
            }
        }
        counts
    }
}

/// Fold of one partition's customers up to an instant.
struct PartitionFold {
    as_of: Timestamp,
    /// Hashed keys of the aggregates with an event recorded after `as_of`. Clocks of
    /// processes differ, so later events of such an aggregate may have an earlier
    /// time. They are left out, so that no event is folded without those before it.
    closed: HashSet<u64>,
    customers: CustomersInMemory,
}

impl PartitionFold {
    /// Returns the customers of a partition at the instant, and the number of
    /// undetermined customers.
    async fn run(
        mut self,
        log: &Log,
        partition: Partition,
        reading: &LongRead,
    ) -> Result<(HashMap<String, CustomerDocument>, u64), ProjectError> {
        let end = log.last(partition).await?.number;
        let mut replay = Replay::of(log, partition, reading);
        while let Some(events) = replay.next(end, |_| true).await? {
            for event in &events {
                self.fold(event);
            }
        }
        let (customers, undetermined) = self.customers.into_parts();
        Ok((customers, undetermined.len() as u64))
    }

    fn fold(&mut self, replayed: &Replayed) {
        match replayed {
            Replayed::Event(event) => {
                let aggregate = xxh3_64(event.subject.to_string().as_bytes());
                if event.metadata.at > self.as_of {
                    self.closed.insert(aggregate);
                }
                if self.closed.contains(&aggregate) {
                    return;
                }
            }
            Replayed::Unreadable { at, .. } => {
                if at.is_some_and(|at| at > self.as_of) {
                    return;
                }
            }
        }
        self.customers.fold(replayed);
    }
}
