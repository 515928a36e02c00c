//! An event as the log holds it.

use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use crate::Position;

/// An event of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its position.
    pub position: Position,
    /// The number of the first event of its commit.
    pub commit: u64,
    /// The aggregate's key.
    pub key: String,
    /// The aggregate's version after this event, from 1; 0 for a plain record,
    /// whose key has no head.
    pub version: u64,
    /// The number of the aggregate's event before this one; 0 for none.
    pub previous: u64,
    /// Type and schema version, `order_placed.1`.
    pub tag: String,
    /// Content, as JSON.
    pub data: String,
    /// The metadata of its commit, as JSON.
    pub meta: Arc<str>,
}

impl Entry {
    /// A digest of the whole event, to recognize it by.
    pub fn fingerprint(&self) -> String {
        let mut hash = Xxh3::new();
        let numbers = format!("{} {} {}", self.position, self.version, self.previous);
        for part in [&*numbers, &self.key, &self.tag, &self.data, &self.meta] {
            hash.update(part.as_bytes());
            hash.update(&[0xff]);
        }
        format!("{:016x}", hash.digest())
    }
}
