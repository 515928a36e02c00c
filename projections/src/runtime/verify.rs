//! Verification of a view's documents against the log.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use bson::doc;
use chrono_tz::Tz;
use eventlog::{Log, LogError, Partition, Position};
use futures::TryStreamExt;
use mongodb::options::ReadConcern;
use xxhash_rust::xxh3::xxh3_64;

use crate::runtime::checkpoint::Checkpoints;
use crate::runtime::decisions::Until;
use crate::runtime::documents::Documents;
use crate::runtime::error::ProjectError;
use crate::runtime::long_read::LongRead;
use crate::runtime::parallel::each_partition;
use crate::runtime::recorded::EntryReader;
use crate::runtime::refold::{FoldedDocument, fold_from_beginning};
use crate::runtime::store::Store;
use crate::runtime::view::{AnyView, FoldInput, InputContent};
use crate::runtime::withheld::{Withheld, WithheldEvents};

/// Approximate number of a view's documents that are folded again from the log,
/// unless the caller asks for another number.
pub const VERIFIED_SAMPLE: u64 = 400;

/// Entries read at once.
const BATCH: usize = 4_000;

/// Result of a verification.
#[derive(Debug, Default)]
pub struct DocumentsReport {
    /// Number of events read.
    pub events: u64,
    /// Number of documents that the log yields. The view has as many if nothing
    /// differs.
    pub documents: u64,
    /// Number of documents that were folded again and compared byte for byte.
    pub compared: u64,
    /// Differences, in plain words.
    pub differences: Vec<String>,
    /// Events that the generation could not fold. They do not count as
    /// differences.
    pub withheld: Vec<Withheld>,
}

/// Verifies a generation with the usual sample, like [`verify_sample`].
///
/// # Errors
/// [`ProjectError`] if Redis or MongoDB does not answer.
pub async fn verify_documents(
    store: &Store,
    log: &Log,
    view: &'static dyn AnyView,
    generation: i32,
) -> Result<DocumentsReport, ProjectError> {
    let read = LongRead::default();
    verify_sample(store, log, view, generation, VERIFIED_SAMPLE, &read).await
}

/// Reads the log up to a generation's checkpoints, counts the documents that it
/// yields, and folds about `sample` of them again. `read` counts the events, and
/// each partition is read in its turn.
///
/// Documents ahead of their checkpoint are not compared, and their partitions
/// are not counted, since a projector is running or died before it moved the
/// checkpoint.
///
/// # Errors
/// [`ProjectError`] if Redis or MongoDB does not answer.
pub async fn verify_sample(
    store: &Store,
    log: &Log,
    view: &'static dyn AnyView,
    generation: i32,
    sample: u64,
    read: &LongRead,
) -> Result<DocumentsReport, ProjectError> {
    let documents = StoredGeneration {
        view,
        zone: store.zone(),
        documents: Documents::of(store, view.name(), generation),
        parts: Documents::parts_of(store, view.name(), generation),
    };
    let checkpoints = Checkpoints::of(store, view.name(), generation);
    let total = documents
        .documents
        .collection()
        .estimated_document_count()
        .await?;
    let ends = log.ends().await?;
    // A sixteenth of the log's size is a lower bound. Otherwise the sample
    // would be the whole log if the collection lost its documents.
    let least = ends.iter().map(|end| end.number).sum::<u64>() / 16;
    let one_in = (total.max(least) / sample.max(1)).max(1);
    let all = checkpoints.all().await?;
    let ends: HashMap<Partition, Position> = all
        .iter()
        .map(|checkpoint| (checkpoint.position().partition, checkpoint.position()))
        .collect();
    let mut withheld = HashMap::new();
    for end in ends.values() {
        let until = Until::Number(end.number);
        let known = store.withheld_in(log, view.name(), generation, end.partition, until);
        withheld.insert(end.partition, known.await?);
    }
    let withheld = Arc::new(withheld);
    let scanned = each_partition(log.partitions(), |partition| {
        let end = ends.get(&partition).copied();
        let (log, documents, withheld) = (log.clone(), documents.clone(), withheld.clone());
        let read = read.clone();
        async move {
            let Some(end) = end else { return Ok(None) };
            let nothing = WithheldEvents::default();
            let known = withheld.get(&partition).unwrap_or(&nothing);
            let _turn = read.turn().await;
            let StoredGeneration { view, zone, .. } = documents;
            let scan = scan(&log, view, zone, end, one_in, known, &read).await?;
            let mut report = DocumentsReport {
                events: end.number,
                documents: scan.documents,
                differences: scan.damage,
                ..DocumentsReport::default()
            };
            documents.compare(end, scan.sample, &mut report).await?;
            Ok(Some((end, report)))
        }
    });
    let mut report = DocumentsReport {
        withheld: store.withheld_from(view.name(), generation).await?,
        ..DocumentsReport::default()
    };
    let mut expected = HashMap::new();
    for (end, part) in scanned.await?.into_iter().flatten() {
        expected.insert(end.partition, (end, part.documents));
        report.events += part.events;
        report.documents += part.documents;
        report.compared += part.compared;
        report.differences.extend(part.differences);
    }
    count(&documents.documents, log, &expected, &mut report).await?;
    if view.has_parts() {
        documents.count_parts(&expected, &mut report).await?;
    }
    Ok(report)
}

/// A generation as stored.
#[derive(Clone)]
struct StoredGeneration {
    view: &'static dyn AnyView,
    zone: Tz,
    documents: Documents,
    parts: Documents,
}

struct Scan {
    documents: u64,
    sample: HashMap<String, Vec<FoldInput>>,
    /// Events that cannot be decoded.
    damage: Vec<String>,
}

/// Reads a partition up to `end`. Samples one in `one_in` documents by the hash
/// of their id.
async fn scan(
    log: &Log,
    view: &'static dyn AnyView,
    zone: Tz,
    end: Position,
    one_in: u64,
    known: &WithheldEvents,
    read: &LongRead,
) -> Result<Scan, ProjectError> {
    let mut reader = EntryReader::default();
    let mut seen = HashSet::new();
    let mut sample: HashMap<String, Vec<FoldInput>> = HashMap::new();
    let mut damage = Vec::new();
    let mut events = Vec::new();
    let mut at = Position { number: 0, ..end };
    while at.number < end.number {
        let entries = log.read(at, BATCH).await?;
        let Some(last) = entries.last() else {
            let what = format!("it ends here, but was folded up to {end}");
            return Err(LogError::Damaged { at, what }.into());
        };
        at = last.position;
        read.count(entries.len() as u64);
        for entry in entries {
            let position = entry.position;
            if position.number > end.number {
                break;
            }
            // An entry of an unknown type gives no events. Projectors count it.
            let _unknown = FoldInput::add_events(view, &reader.share(entry), zone, &mut events);
            for event in events.drain(..) {
                if !known.admits(&event.document, position.number) {
                    continue;
                }
                if let InputContent::Unreadable(error) = &event.content {
                    damage.push(format!("{position} cannot be read: {error}"));
                    continue;
                }
                let hash = xxh3_64(event.document.as_bytes());
                seen.insert(hash);
                if hash.is_multiple_of(one_in) {
                    let of_document = sample.entry(event.document.clone()).or_default();
                    of_document.push(event);
                }
            }
        }
    }
    Ok(Scan {
        documents: seen.len() as u64,
        sample,
        damage,
    })
}

impl StoredGeneration {
    async fn compare(
        &self,
        end: Position,
        sample: HashMap<String, Vec<FoldInput>>,
        report: &mut DocumentsReport,
    ) -> Result<(), ProjectError> {
        let ids: Vec<&str> = sample.keys().map(String::as_str).collect();
        let mut stored = self.documents.load(&ids, ReadConcern::local()).await?;
        for (id, events) in &sample {
            let found = stored.remove(id.as_str());
            if found.as_ref().is_some_and(|f| f.number > end.number as i64) {
                continue;
            }
            report.compared += 1;
            let events: Vec<&FoldInput> = events.iter().collect();
            let refolded = match fold_from_beginning(self.view, self.zone, id, &events) {
                Ok(refolded) => refolded,
                Err(error) => {
                    report.differences.push(format!("{id}: {error}"));
                    continue;
                }
            };
            match found {
                None => report.differences.push(format!("{id} is missing")),
                Some(found) if found.document != refolded.document => {
                    let what = format!("{id} differs from the fold of its {} events", events.len());
                    report.differences.push(what);
                }
                Some(_) => {}
            }
            self.compare_parts(end, &refolded, report).await?;
        }
        Ok(())
    }

    async fn compare_parts(
        &self,
        end: Position,
        refolded: &FoldedDocument,
        report: &mut DocumentsReport,
    ) -> Result<(), ProjectError> {
        for (id, expected) in &refolded.parts {
            // Loads one at a time, since a document may have hundreds of parts.
            let mut stored = self.parts.load(&[id], ReadConcern::local()).await?;
            match stored.remove(id) {
                // Parts are written before their document, which is not written
                // yet.
                Some(part) if part.number > end.number as i64 => {}
                Some(part) if part.document != *expected => {
                    let what = format!("the part {id} differs from the fold of its events");
                    report.differences.push(what);
                }
                Some(_) => {}
                None => report.differences.push(format!("the part {id} is missing")),
            }
        }
        Ok(())
    }

    /// Compares the number of parts of each partition with the number that its
    /// documents list. Partitions with a document or a part ahead of the
    /// checkpoint are not compared.
    async fn count_parts(
        &self,
        expected: &HashMap<Partition, (Position, u64)>,
        report: &mut DocumentsReport,
    ) -> Result<(), ProjectError> {
        let documents = totals(&self.documents).await?;
        let parts = totals(&self.parts).await?;
        let partitions: BTreeSet<Partition> =
            documents.keys().chain(parts.keys()).copied().collect();
        for partition in partitions {
            let of = documents.get(&partition).copied().unwrap_or_default();
            let is = parts.get(&partition).copied().unwrap_or_default();
            let end = expected.get(&partition).map_or(0, |(end, _)| end.number);
            if of.last.max(is.last) <= end && is.count != of.parts {
                let (is, should) = (is.count, of.parts);
                let what = format!(
                    "partition {partition} has {is} parts, but its documents list {should}"
                );
                report.differences.push(what);
            }
        }
        Ok(())
    }
}

/// Totals of the documents that one partition feeds.
#[derive(Clone, Copy, Default)]
struct PartitionTotals {
    count: u64,
    /// Number of parts that the documents list.
    parts: u64,
    /// Highest number among their last folded events.
    last: u64,
}

/// Compares the number of documents of each partition with the number that the
/// log yields. A partition with a document ahead of its checkpoint is not
/// compared, since a projector is running or died before it moved the
/// checkpoint. A document ahead of the log is a difference.
async fn count(
    documents: &Documents,
    log: &Log,
    expected: &HashMap<Partition, (Position, u64)>,
    report: &mut DocumentsReport,
) -> Result<(), ProjectError> {
    let totals = totals(documents).await?;
    let partitions: BTreeSet<Partition> = totals.keys().chain(expected.keys()).copied().collect();
    for partition in partitions {
        let totals = totals.get(&partition).copied().unwrap_or_default();
        let (end, should) = expected
            .get(&partition)
            .map_or((0, 0), |(end, should)| (end.number, *should));
        if totals.last > end {
            let now = match log.partitions().contains(&partition) {
                true => log.last(partition).await?.number,
                false => 0,
            };
            if totals.last > now {
                report.differences.push(format!(
                    "partition {partition} has a document folded up to {}, but the log ends at {now}",
                    totals.last
                ));
            }
        } else if totals.count != should {
            let is = totals.count;
            let what =
                format!("partition {partition} has {is} documents, but the log yields {should}");
            report.differences.push(what);
        }
    }
    Ok(())
}

async fn totals(
    documents: &Documents,
) -> Result<HashMap<Partition, PartitionTotals>, mongodb::error::Error> {
    let group = doc! {"$group": {
        "_id": "$_partition", "count": {"$sum": 1}, "last": {"$max": "$_number"},
        "parts": {"$sum": "$_parts"},
    }};
    let groups = documents.collection().aggregate([group]).await?;
    let groups: Vec<bson::Document> = groups.try_collect().await?;
    let of_group = |group: &bson::Document| {
        let totals = PartitionTotals {
            count: number(group.get("count")),
            parts: number(group.get("parts")),
            last: number(group.get("last")),
        };
        // No projector writes a document without a partition.
        let partition = Partition::try_from(number(group.get("_id"))).unwrap_or(Partition::MAX);
        (partition, totals)
    };
    Ok(groups.iter().map(of_group).collect())
}

fn number(value: Option<&bson::Bson>) -> u64 {
    let number = match value {
        Some(bson::Bson::Int32(n)) => i64::from(*n),
        Some(bson::Bson::Int64(n)) => *n,
        _ => 0,
    };
    u64::try_from(number).unwrap_or_default()
}
