//! Documents that carry the number of their last folded event, and guarded
//! writes to them.

use std::collections::HashMap;

use bson::{Binary, RawArrayBuf, RawDocument, RawDocumentBuf, cstr, doc, rawdoc};
use eventlog::Partition;
use futures::TryStreamExt;
use mongodb::Collection;
use mongodb::error::Error;
use mongodb::options::ReadConcern;

use crate::runtime::store::Store;
use crate::runtime::writes::{self, DUPLICATE, failed_only_with};

/// Maximum total size of the documents in one command, in bytes. MongoDB
/// accepts 48 MB.
const MAX_BYTES: usize = 8 << 20;

/// Documents of one generation. In addition to its own fields, each has `_id`,
/// `_partition` (the partition that feeds it) and `_number` (the last event
/// folded into it).
#[derive(Clone)]
pub(crate) struct Documents {
    store: Store,
    collection: Collection<RawDocumentBuf>,
}

/// A document to write.
pub(crate) struct Write {
    pub(crate) id: String,
    /// `_number` of the document when it was read; `None` if it did not exist.
    pub(crate) expected: Option<i64>,
    /// The complete new document.
    pub(crate) document: RawDocumentBuf,
}

/// A document as read.
pub(crate) struct StoredDocument {
    pub(crate) number: i64,
    pub(crate) document: RawDocumentBuf,
}

impl Documents {
    pub(crate) fn of(store: &Store, view: &str, generation: i32) -> Self {
        Self {
            store: store.clone(),
            collection: store.collection(view, generation),
        }
    }

    /// Returns access to the parts of a generation's documents.
    pub(crate) fn parts_of(store: &Store, view: &str, generation: i32) -> Self {
        Self {
            store: store.clone(),
            collection: store.parts_collection(view, generation),
        }
    }

    pub(crate) fn collection(&self) -> &Collection<RawDocumentBuf> {
        &self.collection
    }

    /// Returns whether the collection exists, empty or not.
    pub(crate) async fn exist(&self) -> Result<bool, Error> {
        self.store.has_collection(self.collection.name()).await
    }

    /// Returns the collection's UUID if the server reports one; the outer
    /// `None` means that there is no collection.
    pub(crate) async fn identity(&self) -> Result<Option<Option<Binary>>, Error> {
        let filter = doc! {"name": self.collection.name()};
        let mut found = self
            .store
            .database()
            .list_collections()
            .filter(filter)
            .await?;
        let found = found.try_next().await?;
        Ok(found.map(|specification| specification.info.uuid))
    }

    /// Loads the existing documents among these ids. What is read with majority
    /// read concern survives a failover.
    pub(crate) async fn load(
        &self,
        ids: &[&str],
        read_concern: ReadConcern,
    ) -> Result<HashMap<String, StoredDocument>, Error> {
        let mut found = HashMap::with_capacity(ids.len());
        if ids.is_empty() {
            return Ok(found);
        }
        let filter = doc! {"_id": {"$in": ids}};
        let find = self.collection.find(filter).batch_size(10_000);
        let mut cursor = find.read_concern(read_concern).await?;
        while let Some(document) = cursor.try_next().await? {
            let id = document.get_str("_id").map_err(Error::custom)?.to_owned();
            let number = document.get_i64("_number").map_err(Error::custom)?;
            found.insert(id, StoredDocument { number, document });
        }
        Ok(found)
    }

    /// Writes documents that have not changed since they were read. Returns
    /// whether all were unchanged. If not, some of the others may have been
    /// written. In both cases a majority has the written documents, and also
    /// those that prevented a write.
    ///
    /// # Errors
    /// If the outcome is unknown: documents may have been written or not, and a
    /// failover may undo the writes. The caller must fold the events again.
    pub(crate) async fn write(&self, writes: Vec<Write>) -> Result<bool, Error> {
        let (inserts, updates): (Vec<_>, Vec<_>) =
            writes.into_iter().partition(|w| w.expected.is_none());
        let (inserted, updated) =
            futures::future::join(self.insert(inserts), self.update_all(&updates)).await;
        Ok(inserted? & updated?)
    }

    /// Writes parts as [`Self::write`] does, new parts first: events that move
    /// from one part to a new one are in the new part before the old one loses
    /// them. A new part that already exists with the same number was written
    /// before a crash, and counts as written.
    pub(crate) async fn write_parts(&self, writes: Vec<Write>) -> Result<bool, Error> {
        let (inserts, updates): (Vec<_>, Vec<_>) =
            writes.into_iter().partition(|w| w.expected.is_none());
        let numbers = inserts.iter().map(|write| {
            let number = write.document.get_i64("_number");
            Ok((write.id.clone(), number.map_err(Error::custom)?))
        });
        let numbers: Vec<(String, i64)> = numbers.collect::<Result<_, Error>>()?;
        if !self.insert(inserts).await? {
            let ids: Vec<&str> = numbers.iter().map(|(id, _)| id.as_str()).collect();
            let there = self.load(&ids, ReadConcern::majority()).await?;
            let is_same = |(id, number): &(String, i64)| {
                there.get(id).is_some_and(|stored| stored.number == *number)
            };
            if !numbers.iter().all(is_same) {
                return Ok(false);
            }
        }
        self.update_all(&updates).await
    }

    async fn update_all(&self, writes: &[Write]) -> Result<bool, Error> {
        let mut all = true;
        for chunk in chunks(writes) {
            all &= self.update(chunk).await?;
        }
        Ok(all)
    }

    /// Inserts documents. Existing ones stay unchanged. Returns whether all
    /// were inserted.
    async fn insert(&self, inserts: Vec<Write>) -> Result<bool, Error> {
        if inserts.is_empty() {
            return Ok(true);
        }
        // Unordered, so that one duplicate does not keep the others from being
        // inserted.
        let documents = inserts.iter().map(|write| &write.document);
        match self.collection.insert_many(documents).ordered(false).await {
            Ok(_) => Ok(true),
            Err(error) if failed_only_with(&error, DUPLICATE) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Replaces documents, each guarded by its expected number.
    async fn update(&self, writes: &[Write]) -> Result<bool, Error> {
        let mut statements = RawArrayBuf::new();
        for write in writes {
            let mut statement = RawDocumentBuf::new();
            let guard = rawdoc! {"_id": write.id.as_str(), "_number": write.expected.unwrap_or(0)};
            statement.append(cstr!("q"), guard);
            statement.append(cstr!("u"), &write.document);
            statements.push(statement);
        }
        let name = self.collection.name();
        let matched = writes::update(self.store.database(), name, statements).await?;
        Ok(usize::try_from(matched) == Ok(writes.len()))
    }
}

/// Splits writes into chunks of at most [`MAX_BYTES`], and of at least one
/// write.
fn chunks(writes: &[Write]) -> impl Iterator<Item = &[Write]> {
    let mut rest = writes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut bytes = 0;
        let fits = |write: &&Write| {
            bytes += write.document.as_bytes().len();
            bytes <= MAX_BYTES
        };
        let count = rest.iter().take_while(fits).count().max(1);
        let (chunk, after) = rest.split_at(count);
        rest = after;
        Some(chunk)
    })
}

/// Returns a document with `_id`, `_partition` and `_number` in front of its
/// own fields.
pub(crate) fn placed(
    id: &str,
    partition: Partition,
    number: i64,
    document: &RawDocument,
) -> Result<RawDocumentBuf, bson::error::Error> {
    let mut placed = rawdoc! {
        "_id": id,
        "_partition": i32::from(partition),
        "_number": number,
    }
    .into_bytes();
    // A BSON document is a length, its elements and a final zero. This appends
    // the second document's elements to the first one's and corrects the
    // length.
    placed.pop();
    placed.extend_from_slice(&document.as_bytes()[4..]);
    let length = i32::try_from(placed.len()).unwrap_or(i32::MAX);
    placed[..4].copy_from_slice(&length.to_le_bytes());
    RawDocumentBuf::from_bytes(placed)
}
