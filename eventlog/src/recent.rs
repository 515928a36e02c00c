//! Reading the log once for many readers that are at about the same place.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::{Entry, Log, LogError, Position};

/// The most entries kept of a partition.
const KEPT: usize = 500;

/// After so long without a look at the log nothing that is kept is trusted.
const TRUSTED: Duration = Duration::from_secs(1);

/// The last entries that were read of each partition.
///
/// Those who follow the same log, as the views do, read it one after the
/// other: what one of them has just read the others get without asking Redis.
pub struct Recent {
    log: Log,
    partitions: Vec<Mutex<Kept>>,
}

/// Entries of one partition, in order and without a gap.
#[derive(Default)]
struct Kept {
    entries: VecDeque<Entry>,
    read_at: Option<Instant>,
}

impl Recent {
    /// Of this log; nothing is kept yet.
    pub fn of(log: Log) -> Self {
        let partitions = log.partitions().map(|_| Mutex::default()).collect();
        Self { log, partitions }
    }

    /// As [`Log::read`] for a reader that knows the first entry after `after`,
    /// and wants to know what follows it. The first one tells whether what was
    /// kept is still of the same log.
    ///
    /// # Errors
    /// As [`Log::read`].
    pub async fn read(&self, after: Position, count: usize) -> Result<Vec<Entry>, LogError> {
        let Some(kept) = self.partitions.get(usize::from(after.partition)) else {
            return self.log.read(after, count).await;
        };
        // Whoever comes meanwhile waits for what is being read.
        let mut kept = kept.lock().await;
        let is_fresh = |at: Instant| at.elapsed() < TRUSTED;
        if kept.read_at.is_some_and(is_fresh)
            && let Some(entries) = kept.after(after.number, count)
        {
            return Ok(entries);
        }
        let entries = self.log.read(after, count).await?;
        kept.take_in(after.number, &entries);
        kept.read_at = Some(Instant::now());
        Ok(entries)
    }
}

impl Kept {
    /// Up to `count` entries after this number, if there is more among them
    /// than the first.
    fn after(&self, number: u64, count: usize) -> Option<Vec<Entry>> {
        let first = self.entries.front()?.position.number;
        let skipped = usize::try_from((number + 1).checked_sub(first)?).ok()?;
        let some = self.entries.iter().skip(skipped).take(count);
        let some: Vec<Entry> = some.cloned().collect();
        (some.len() > 1).then_some(some)
    }

    /// Keeps what was read after this number, with what was kept before it.
    fn take_in(&mut self, number: u64, read: &[Entry]) {
        let known = self
            .entries
            .iter()
            .find(|e| e.position.number == number + 1);
        let continues = known.is_some() && known == read.first();
        if !continues || read.len() > KEPT {
            self.entries.clear();
        }
        if read.len() > KEPT {
            return; // Nobody else is so far behind.
        }
        self.entries.retain(|entry| entry.position.number <= number);
        self.entries.extend(read.iter().cloned());
        let surplus = self.entries.len().saturating_sub(KEPT);
        self.entries.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(numbers: std::ops::RangeInclusive<u64>, data: &str) -> Vec<Entry> {
        let entry = |number| Entry {
            position: Position {
                partition: 0,
                number,
            },
            commit: number,
            key: "customer/c-1".to_owned(),
            version: number,
            previous: number - 1,
            tag: "customer_updated.1".to_owned(),
            data: data.to_owned(),
            meta: "{}".into(),
        };
        numbers.map(entry).collect()
    }

    fn numbers(kept: &Kept, after: u64, count: usize) -> Option<Vec<u64>> {
        let entries = kept.after(after, count)?;
        Some(entries.iter().map(|entry| entry.position.number).collect())
    }

    #[test]
    fn what_was_read_is_there_for_others_who_know_its_beginning() {
        let mut kept = Kept::default();
        assert_eq!(numbers(&kept, 0, 9), None);
        kept.take_in(4, &entries(5..=8, "a"));
        assert_eq!(numbers(&kept, 4, 9), Some(vec![5, 6, 7, 8]));
        assert_eq!(numbers(&kept, 6, 9), Some(vec![7, 8]));
        assert_eq!(numbers(&kept, 4, 2), Some(vec![5, 6]));
        for (after, why) in [(3, "before"), (7, "nothing new"), (8, "beyond")] {
            assert_eq!(numbers(&kept, after, 9), None, "{why}");
        }
    }

    #[test]
    fn what_follows_is_kept_with_what_was_there() {
        let mut kept = Kept::default();
        kept.take_in(4, &entries(5..=8, "a"));
        kept.take_in(7, &entries(8..=9, "a"));
        assert_eq!(numbers(&kept, 4, 9), Some(vec![5, 6, 7, 8, 9]));
        kept.take_in(8, &entries(9..=700, "a"));
        assert!(kept.entries.is_empty(), "more than is kept");
        kept.take_in(4, &entries(5..=8, "a"));
        kept.take_in(7, &entries(8..=507, "a"));
        assert_eq!(kept.entries.len(), KEPT);
        assert_eq!(numbers(&kept, 505, 9), Some(vec![506, 507]));
    }

    #[test]
    fn what_was_kept_of_another_log_is_forgotten() {
        let mut kept = Kept::default();
        kept.take_in(4, &entries(5..=8, "a"));
        kept.take_in(7, &entries(8..=9, "b"));
        assert_eq!(numbers(&kept, 4, 9), None);
        assert_eq!(numbers(&kept, 7, 9), Some(vec![8, 9]));
        kept.take_in(9, &[]);
        assert_eq!(numbers(&kept, 7, 9), None, "it is shorter than it was");
    }
}
