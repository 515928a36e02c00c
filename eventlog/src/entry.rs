//! Event of the log.

use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use crate::Position;

/// Event of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Position of the event.
    pub position: Position,
    /// Number of the first event of the same commit.
    pub commit: u64,
    /// Key of the aggregate.
    pub key: String,
    /// Version of the aggregate after this event, starting at 1; 0 for a plain record,
    /// whose key has no head.
    pub version: u64,
    /// Number of the aggregate's previous event; 0 for none.
    pub previous: u64,
    /// Type and schema version, such as `order_placed.1`.
    pub tag: String,
    /// Content of the event, as JSON.
    pub data: String,
    /// Metadata of the commit, as JSON.
    pub meta: Arc<str>,
}

impl Entry {
    /// Returns a digest of the whole event. A checkpoint stores it, to detect that the
    /// log was replaced by one with another event at the same position.
    pub fn fingerprint(&self) -> String {
        let mut hash = Xxh3::new();
        let numbers = format!("{} {} {}", self.position, self.version, self.previous);
        for part in [&*numbers, &self.key, &self.tag, &self.data, &self.meta] {
            hash.update(part.as_bytes());
            // A separator that is not valid UTF-8, so that no two lists of parts hash
            // the same bytes.
            hash.update(&[0xff]);
        }
        format!("{:016x}", hash.digest())
    }
}
