//! Going through documents one by one, as many as there are.

use std::time::Duration;

use bson::{RawDocument, RawDocumentBuf};
use mongodb::Cursor;
use mongodb::error::Error;

/// The longest that MongoDB may take over one question about all documents.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How many come in one answer of MongoDB's, if they take no more than the
/// 16 MB that one may have.
pub(crate) const BATCH: u32 = 20_000;

/// Documents looked at before another task gets its turn.
const TURN: u64 = 1_000;

/// Looks at each document. No more than a batch of them is held at a time.
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
