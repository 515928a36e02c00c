//! Baseline of MongoDB: the same documents, written directly in batches.

use std::time::{Duration, Instant};

use bson::{Bson, RawArrayBuf, RawDocumentBuf, cstr, doc, rawdoc};
use futures::{StreamExt, TryStreamExt, stream};
use mongodb::options::{CollectionOptions, WriteConcern};
use mongodb::{Collection, Database, IndexModel};

/// Documents per command.
const BATCH: usize = 1_000;

/// Concurrent commands. More do not increase the throughput.
const CONCURRENCY: usize = 4;

/// Replaces every document in a copy of the collection `of` with itself. Returns the updates per
/// second.
pub(super) async fn update_all(database: &Database, of: &str) -> anyhow::Result<f64> {
    let documents = read_all(database, of).await?;
    let copy = format!("bare_{of}");
    insert(database, &copy, &documents).await?;
    let start = Instant::now();
    stream::iter(documents.chunks(BATCH).map(anyhow::Ok))
        .try_for_each_concurrent(CONCURRENCY, |chunk| update(database, &copy, chunk))
        .await?;
    let took = start.elapsed();
    database.collection::<RawDocumentBuf>(&copy).drop().await?;
    Ok(documents.len() as f64 / took.as_secs_f64())
}

/// Result of bare inserts.
pub(super) struct RawInserts {
    pub(super) per_second: f64,
    /// Bytes on disk per document, after the indexes were built.
    pub(super) disk: f64,
}

/// Inserts documents into an empty collection without indexes, then builds the indexes. The time
/// of building is not measured.
pub(super) async fn insert_all(
    database: &Database,
    documents: &[RawDocumentBuf],
    indexes: Vec<IndexModel>,
) -> anyhow::Result<RawInserts> {
    const NAME: &str = "bare_inserts";
    let start = Instant::now();
    insert(database, NAME, documents).await?;
    let took = start.elapsed();
    let collection = database.collection::<RawDocumentBuf>(NAME);
    collection.create_indexes(indexes).await?;
    let disk = disk(database, NAME).await?;
    collection.drop().await?;
    Ok(RawInserts {
        per_second: documents.len() as f64 / took.as_secs_f64(),
        disk: disk / documents.len() as f64,
    })
}

/// Inserts every document of each collection into an empty one with the same indexes. Returns the
/// total time.
pub(super) async fn insert_again(database: &Database, names: &[&str]) -> anyhow::Result<Duration> {
    let mut took = Duration::ZERO;
    for name in names {
        let documents = read_all(database, name).await?;
        let of: Collection<RawDocumentBuf> = database.collection(name);
        let mut indexes: Vec<IndexModel> = of.list_indexes().await?.try_collect().await?;
        indexes.retain(|index| index.keys != doc! {"_id": 1});
        let copy = format!("bare_{name}");
        let to: Collection<RawDocumentBuf> = database.collection(&copy);
        if !indexes.is_empty() {
            to.create_indexes(indexes).await?;
        }
        let start = Instant::now();
        insert(database, &copy, &documents).await?;
        took += start.elapsed();
        to.drop().await?;
    }
    Ok(took)
}

/// Returns the size of a collection and its indexes on disk, in bytes.
pub(super) async fn disk(database: &Database, name: &str) -> anyhow::Result<f64> {
    // MongoDB reports the sizes of its last checkpoint, so one is forced first.
    let admin = database.client().database("admin");
    admin.run_command(doc! {"fsync": 1}).await?;
    let stats = database.run_command(doc! {"collStats": name}).await?;
    let bytes = |field: &str| match stats.get(field) {
        Some(Bson::Int32(bytes)) => Ok(f64::from(*bytes)),
        Some(Bson::Int64(bytes)) => Ok(*bytes as f64),
        Some(Bson::Double(bytes)) => Ok(*bytes),
        other => Err(anyhow::anyhow!("collStats has {other:?} as {field}")),
    };
    Ok(bytes("storageSize")? + bytes("totalIndexSize")?)
}

/// Inserts documents in batches, with the server's default write concern.
pub(super) async fn insert(
    database: &Database,
    name: &str,
    documents: &[RawDocumentBuf],
) -> anyhow::Result<()> {
    // The server's default write concern: the database's own is Patron's stricter one.
    let options = CollectionOptions::builder()
        .write_concern(WriteConcern::default())
        .build();
    let collection: Collection<RawDocumentBuf> = database.collection_with_options(name, options);
    stream::iter(documents.chunks(BATCH).map(anyhow::Ok))
        .try_for_each_concurrent(CONCURRENCY, async |chunk| {
            collection.insert_many(chunk).ordered(false).await?;
            Ok(())
        })
        .await
}

async fn update(
    database: &Database,
    name: &str,
    documents: &[RawDocumentBuf],
) -> anyhow::Result<()> {
    let mut statements = RawArrayBuf::new();
    for document in documents {
        let mut statement = RawDocumentBuf::new();
        statement.append(cstr!("q"), rawdoc! {"_id": document.get_str("_id")?});
        statement.append(cstr!("u"), document);
        statements.push(statement);
    }
    let command = rawdoc! {"update": name, "updates": statements, "ordered": false};
    let reply = database.run_raw_command(command).await?;
    let failed = ["writeErrors", "writeConcernError"];
    anyhow::ensure!(
        failed.iter().all(|field| !reply.contains_key(field)),
        "{reply:?}"
    );
    Ok(())
}

/// Reads all documents of a collection.
pub(super) async fn read_all(
    database: &Database,
    name: &str,
) -> anyhow::Result<Vec<RawDocumentBuf>> {
    let collection: Collection<RawDocumentBuf> = database.collection(name);
    let cursor = collection.find(doc! {}).batch_size(10_000).await?;
    Ok(cursor.map(|document| document).try_collect().await?)
}
