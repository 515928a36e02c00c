//! Scans of all documents of a view.

use std::time::Duration;

use bson::{RawDocument, RawDocumentBuf};
use mongodb::Cursor;
use mongodb::error::Error;

/// Time limit of one MongoDB query over all documents.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Maximum number of documents per reply of MongoDB. A reply may have 16 MB.
pub(crate) const BATCH: u32 = 20_000;

/// Number of documents that are processed before the task yields.
const TURN: u64 = 1_000;

/// Calls `look` with each document. Holds one batch in memory at a time.
pub(crate) async fn each(
    mut cursor: Cursor<RawDocumentBuf>,
    mut look: impl FnMut(&RawDocument) -> Result<(), bson::error::Error>,
) -> Result<(), Error> {
    let mut seen = 0;
    while cursor.advance().await? {
        look(cursor.current()).map_err(Error::custom)?;
        seen += 1;
        if seen % TURN == 0 {
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}
