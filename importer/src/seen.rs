//! Ids that a file had so far, with a hash of their content: rows that contradict an earlier row of
//! their id are found in 16 bytes per distinct id.

use super::record::Identity;

/// Number of shards. An id's shard follows from its hash, so each shard stays short.
const SHARDS: usize = 1 << 16;

/// Content of a record that is not sent.
const UNSENT: u32 = 0;

/// Ids and contents of the records read so far.
pub(super) struct SeenIds {
    /// Entries, sorted by id within each shard.
    shards: Vec<Vec<Entry>>,
}

#[derive(Clone, Copy)]
struct Entry {
    id: u64,
    /// Part of the hash of the content, or [`UNSENT`]. Two contents of one id are taken for one
    /// content once in four billion contradictions.
    content: u32,
    /// Number of the record's first line; `u32::MAX` if it is larger.
    line: u32,
}

/// Relation of a record to the earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sighting {
    /// The id is new.
    New,
    /// The record that began on this line has the same content.
    Repeated(u32),
    /// The record that began on this line has other content.
    Contradicting(u32),
    /// The record that began on this line is not sent.
    Unsent(u32),
}

impl SeenIds {
    pub(super) fn new() -> Self {
        Self {
            shards: vec![Vec::new(); SHARDS],
        }
    }

    /// Compares a record with the earlier ones, and remembers its id if it is new.
    pub(super) fn insert(&mut self, identity: Identity, line: u64) -> Sighting {
        let content = (identity.content as u32).max(UNSENT + 1);
        match self.find_or_insert(identity.id, content, line) {
            None => Sighting::New,
            Some(known) if known.content == UNSENT => Sighting::Unsent(known.line),
            Some(known) if known.content == content => Sighting::Repeated(known.line),
            Some(known) => Sighting::Contradicting(known.line),
        }
    }

    /// Remembers the id of a record that is not sent, if it is new.
    pub(super) fn insert_unsent(&mut self, id: u64, line: u64) {
        self.find_or_insert(id, UNSENT, line);
    }

    /// Returns the first entry of an id; `None` if it is added now.
    fn find_or_insert(&mut self, id: u64, content: u32, line: u64) -> Option<Entry> {
        let shard = &mut self.shards[(id >> 48) as usize];
        match shard.binary_search_by_key(&id, |entry| entry.id) {
            Ok(at) => Some(shard[at]),
            Err(at) => {
                if shard.len() == shard.capacity() {
                    // A `Vec` would double, and half of all shards would be empty space.
                    shard.reserve_exact(2 + shard.len() / 8);
                }
                let line = u32::try_from(line).unwrap_or(u32::MAX);
                shard.insert(at, Entry { id, content, line });
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use xxhash_rust::xxh3::xxh3_64;

    use super::*;

    #[test]
    fn the_first_content_of_an_id_is_remembered() {
        let mut seen = SeenIds::new();
        let identity = |id: u64, content| Identity { id, content };
        assert_eq!(seen.insert(identity(7, 1), 2), Sighting::New);
        assert_eq!(seen.insert(identity(8, 1), 3), Sighting::New);
        assert_eq!(seen.insert(identity(7, 1), 4), Sighting::Repeated(2));
        assert_eq!(seen.insert(identity(7, 2), 5), Sighting::Contradicting(2));
        assert_eq!(seen.insert(identity(7, 1), 6), Sighting::Repeated(2));
        assert_eq!(
            seen.insert(identity(8, 9), 1 << 40),
            Sighting::Contradicting(3)
        );
    }

    #[test]
    fn an_id_takes_about_16_bytes() {
        const IDS: u64 = 2_000_000;
        let mut seen = SeenIds::new();
        for n in 0..IDS {
            let id = xxh3_64(&n.to_le_bytes());
            assert_eq!(seen.insert(Identity { id, content: n }, n), Sighting::New);
        }
        let entries: usize = seen.shards.iter().map(Vec::capacity).sum();
        let bytes = entries as u64 * size_of::<Entry>() as u64;
        assert!(bytes / IDS < 19, "{bytes} bytes");
    }
}
