//! Who matched rules at an instant that has passed, from the log alone.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use domain::Timestamp;
use domain::rules::{Predicate, Rules};
use eventlog::{Log, Partition};
use xxhash_rust::xxh3::xxh3_64;

use super::preview::{Preview, node_counts};
use super::{CustomerDocument, Customers};
use crate::parallel::each_partition;
use crate::quarantine::Until;
use crate::replay::{CustomersInMemory, Replay, Replayed};
use crate::view::View;
use crate::{LongRead, ProjectError, Store};

/// Customers asked before another task gets its turn.
const TURN: usize = 64;

/// What the rules came to at `as_of`: customers are folded from the events
/// that had been recorded by then, and the clock stands at that instant.
///
/// Reads all of the log; at any time it holds the customers of a few
/// partitions.
///
/// # Errors
/// [`ProjectError`] if the log does not answer or cannot be read; if any of it
/// was trimmed, at once.
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
    let question = Arc::new(Question {
        nodes: nodes.iter().map(|(_, node)| node.at(as_of)).collect(),
        sample,
    });
    let found = each_partition(log.partitions(), |partition| {
        let (store, log) = (store.clone(), log.clone());
        let (question, reading) = (question.clone(), reading.clone());
        async move {
            let _turn = reading.turn().await;
            let until = Until::Instant(as_of);
            let skipped = store.skipped_in(&log, Customers::NAME, partition, until);
            let folding = Folding {
                as_of,
                cut: HashSet::new(),
                customers: CustomersInMemory::new(store.zone(), skipped.await?),
            };
            let (customers, undetermined) = folding.all(&log, partition, &reading).await?;
            let mut found = question.ask(customers).await;
            found.undetermined = undetermined;
            Ok(found)
        }
    });
    let mut whole = Found::nothing(nodes.len());
    for part in found.await? {
        whole.add(part);
    }
    whole.sample.sort_by(|(a, _), (b, _)| a.cmp(b));
    whole.sample.truncate(sample);
    Ok(Preview {
        count: whole.counts.first().copied().unwrap_or_default(),
        total: whole.total,
        undetermined: whole.undetermined,
        sample: whole.sample,
        nodes: node_counts(&nodes, whole.counts),
        took: start.elapsed(),
    })
}

/// What is asked of each customer.
struct Question {
    /// All nodes, the whole first.
    nodes: Vec<Predicate>,
    sample: usize,
}

/// What was found in some partitions.
struct Found {
    total: u64,
    undetermined: u64,
    counts: Vec<u64>,
    sample: Vec<(String, CustomerDocument)>,
}

impl Found {
    fn nothing(nodes: usize) -> Self {
        Self {
            total: 0,
            undetermined: 0,
            counts: vec![0; nodes],
            sample: Vec::new(),
        }
    }

    fn add(&mut self, part: Self) {
        self.total += part.total;
        self.undetermined += part.undetermined;
        for (count, more) in self.counts.iter_mut().zip(part.counts) {
            *count += more;
        }
        self.sample.extend(part.sample);
    }
}

impl Question {
    async fn ask(&self, customers: HashMap<String, CustomerDocument>) -> Found {
        let mut found = Found::nothing(self.nodes.len());
        let mut customers: Vec<_> = customers.into_iter().collect();
        customers.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        for (index, (id, document)) in customers.into_iter().enumerate() {
            // Whoever has gone away is not computed for, and others get a turn.
            if index % TURN == 0 {
                tokio::task::yield_now().await;
            }
            self.ask_one(id, document, &mut found);
        }
        found
    }

    fn ask_one(&self, id: String, document: CustomerDocument, found: &mut Found) {
        let facts = document.facts();
        let mut matches_all = false;
        for (index, (count, node)) in found.counts.iter_mut().zip(&self.nodes).enumerate() {
            let matches = node.matches(&facts);
            *count += u64::from(matches);
            matches_all |= matches && index == 0;
        }
        found.total += 1;
        if matches_all && found.sample.len() < self.sample {
            found.sample.push((id, document));
        }
    }
}

struct Folding {
    as_of: Timestamp,
    /// Aggregates that have events recorded later, by a hash of their keys.
    /// Clocks of several processes differ a little: an aggregate is taken up
    /// to its first later event, so that no event is without those before it.
    cut: HashSet<u64>,
    customers: CustomersInMemory,
}

impl Folding {
    /// A partition's customers as they were, and how many cannot be told.
    async fn all(
        mut self,
        log: &Log,
        partition: Partition,
        reading: &LongRead,
    ) -> Result<(HashMap<String, CustomerDocument>, u64), ProjectError> {
        let end = log.last(partition).await?.number;
        let mut replay = Replay::of(log, partition, reading);
        while let Some(events) = replay.next(end, |_| true).await? {
            for event in &events {
                self.take(event);
            }
        }
        let (customers, undetermined) = self.customers.into_parts();
        Ok((customers, undetermined.len() as u64))
    }

    fn take(&mut self, replayed: &Replayed) {
        match replayed {
            Replayed::Event(event) => {
                let aggregate = xxh3_64(event.subject.to_string().as_bytes());
                if event.metadata.at > self.as_of {
                    self.cut.insert(aggregate);
                }
                if self.cut.contains(&aggregate) {
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
