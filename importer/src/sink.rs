//! Destination of an import, and the display of its progress.

use std::error::Error;

use super::fields::Resource;
use super::journal::ImportCounts;
use super::lines::FilePosition;
use super::record::RecordOutcome;

/// Destination of an import.
pub trait Sink: Sync {
    /// Error after which the import cannot continue.
    type Error: Error + Send + Sync + 'static;

    /// Sends NDJSON with this number of items of a resource. Returns the final outcome of each, in
    /// the order of the items. Must be safe to repeat.
    fn send(
        &self,
        resource: Resource,
        body: Vec<u8>,
        items: usize,
    ) -> impl Future<Output = Result<Vec<RecordOutcome>, Self::Error>> + Send;
}

/// Observer of an import's progress.
pub trait Progress: Sync {
    /// Called after each batch that was acknowledged and recorded. `done` is the position in the
    /// file up to which everything is recorded.
    fn advanced(&self, done: FilePosition, counts: &ImportCounts);
}
