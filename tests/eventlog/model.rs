//! What one partition of the log should be, in memory.

use std::collections::BTreeMap;

use eventlog::{Append, Appended, Entry, Head, Partition, Position};

/// A partition: items happen one after the other, each as a whole or not at all.
pub(super) struct Model {
    partition: Partition,
    pub(super) entries: Vec<Entry>,
    pub(super) heads: BTreeMap<String, Head>,
}

impl Model {
    pub(super) fn new(partition: Partition) -> Self {
        Self {
            partition,
            entries: Vec::new(),
            heads: BTreeMap::new(),
        }
    }

    pub(super) fn version(&self, key: &str) -> u64 {
        self.heads.get(key).map_or(0, |head| head.version)
    }

    pub(super) fn append(&mut self, items: &[Append]) -> Vec<Appended> {
        items.iter().map(|item| self.append_one(item)).collect()
    }

    /// The entries of one aggregate, in order.
    pub(super) fn history(&self, key: &str) -> Vec<Entry> {
        let own = self.entries.iter().filter(|entry| entry.key == key);
        own.cloned().collect()
    }

    fn append_one(&mut self, item: &Append) -> Appended {
        let found = self.version(&item.key.text);
        if found != item.expected {
            return Appended::Conflict { found };
        }
        for event in &item.events {
            let head = self.heads.get(&*item.key.text);
            let (version, previous) = head.map_or((0, 0), |head| (head.version, head.last));
            let number = self.entries.len() as u64 + 1;
            let key = item.key.text.to_string();
            self.entries.push(Entry {
                position: self.at(number),
                key: key.clone(),
                version: version + 1,
                previous,
                tag: event.tag.to_owned(),
                data: event.data.clone(),
                meta: event.meta.to_string(),
            });
            let head = Head {
                version: version + 1,
                last: number,
                fold: item.fold,
                state: item.state.clone(),
            };
            self.heads.insert(key, head);
        }
        Appended::At(self.at(self.entries.len() as u64))
    }

    fn at(&self, number: u64) -> Position {
        let partition = self.partition;
        Position { partition, number }
    }
}
