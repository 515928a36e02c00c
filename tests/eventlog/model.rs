//! In-memory model of one partition of the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use eventlog::{Append, Appended, Entry, Head, Partition, Position};

/// Model of a partition. Appends are applied one after the other, each completely or not at all.
pub(super) struct PartitionModel {
    partition: Partition,
    /// All events, including those that were trimmed.
    pub(super) events: Vec<Entry>,
    pub(super) heads: BTreeMap<String, Head>,
    /// Number of the last event of each commit.
    ends: Vec<u64>,
    /// Number of the first event that is kept.
    pub(super) floor: u64,
}

impl PartitionModel {
    pub(super) fn new(partition: Partition) -> Self {
        Self {
            partition,
            events: Vec::new(),
            heads: BTreeMap::new(),
            ends: Vec::new(),
            floor: 1,
        }
    }

    /// Returns an aggregate's version and the number of its last event, zeros for a new one.
    pub(super) fn head(&self, key: &str) -> (u64, u64) {
        let head = self.heads.get(key);
        head.map_or((0, 0), |head| (head.version, head.last))
    }

    pub(super) fn append(&mut self, meta: &Arc<str>, items: &[Append]) -> Vec<Appended> {
        let before = self.end();
        let appended = items.iter().map(|item| self.append_one(meta, item));
        let appended: Vec<_> = appended.collect();
        // Batches of the test are small enough to be one commit.
        if self.end() > before {
            self.ends.push(self.end());
        }
        appended
    }

    /// Removes the commits that end before an event number and returns the floor.
    pub(super) fn trim(&mut self, before: u64) -> u64 {
        let gone = self.ends.iter().copied().filter(|end| *end < before).max();
        self.floor = self.floor.max(gone.map_or(1, |gone| gone + 1));
        self.floor
    }

    pub(super) fn kept(&self) -> Vec<Entry> {
        let kept = self.events.iter();
        kept.filter(|event| event.position.number >= self.floor)
            .cloned()
            .collect()
    }

    /// Returns the events of one aggregate in order, or `None` if some were trimmed.
    pub(super) fn history(&self, key: &str) -> Option<Vec<Entry>> {
        let own: Vec<Entry> = self
            .events
            .iter()
            .filter(|e| e.key == key)
            .cloned()
            .collect();
        let is_kept = |event: &Entry| event.position.number >= self.floor;
        own.iter().all(is_kept).then_some(own)
    }

    fn end(&self) -> u64 {
        self.events.len() as u64
    }

    fn append_one(&mut self, meta: &Arc<str>, item: &Append) -> Appended {
        let key = item.key.text.to_string();
        if let Some(new) = &item.head {
            let (found, last) = self.head(&key);
            if (found, last) != (new.expected, new.last) {
                return Appended::Conflict { found };
            }
        }
        for event in &item.events {
            let number = self.end() + 1;
            let (version, previous) = match &item.head {
                Some(new) => {
                    let (version, previous) = self.head(&key);
                    let head = Head {
                        version: version + 1,
                        last: number,
                        fold: new.fold,
                        state: new.state.clone(),
                    };
                    self.heads.insert(key.clone(), head);
                    (version + 1, previous)
                }
                None => (0, 0),
            };
            self.events.push(Entry {
                position: self.at(number),
                commit: self.ends.last().map_or(1, |end| end + 1),
                key: key.clone(),
                version,
                previous,
                tag: event.tag.to_owned(),
                data: event.data.get().to_owned(),
                meta: meta.clone(),
            });
        }
        Appended::At(self.at(self.end()))
    }

    fn at(&self, number: u64) -> Position {
        let partition = self.partition;
        Position { partition, number }
    }
}
