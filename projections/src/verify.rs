//! Holding a view's documents against the log.

use std::collections::{HashMap, HashSet};

use bson::{RawDocumentBuf, doc};
use eventlog::{Log, LogError, Partition, Position};
use futures::TryStreamExt;
use xxhash_rust::xxh3::xxh3_64;

use crate::checkpoint::Checkpoints;
use crate::documents::{Documents, placed};
use crate::parallel::each_partition;
use crate::view::AnyView;
use crate::{EntryReader, ProjectError, ReadError, Recorded, Store};

/// About how many documents of a view are folded again from the log.
const SAMPLE: u64 = 400;

/// How many entries are read at once.
const BATCH: usize = 4_000;

/// What was looked at, and what is not as the log says.
#[derive(Debug, Default)]
pub struct DocumentsReport {
    /// Events read.
    pub events: u64,
    /// Documents there should be, and are if nothing differs.
    pub documents: u64,
    /// Documents folded again and compared byte for byte.
    pub compared: u64,
    /// What differs.
    pub differences: Vec<String>,
}

/// Reads the log up to a generation's checkpoints: counts the documents there
/// should be, and folds a sample of them again.
///
/// Documents that a projector moves on meanwhile are left out; partitions that
/// move on are not counted.
///
/// # Errors
/// [`ProjectError`] if an engine does not answer.
pub async fn verify_documents(
    store: &Store,
    log: &Log,
    view: &'static dyn AnyView,
    generation: i32,
) -> Result<DocumentsReport, ProjectError> {
    let documents = Documents::of(store, view.name(), generation);
    let checkpoints = Checkpoints::of(store, view.name(), generation);
    let total = documents.collection().estimated_document_count().await?;
    let one_in = (total / SAMPLE).max(1);
    let all = checkpoints.all().await?;
    let ends: HashMap<Partition, Position> = all
        .iter()
        .map(|checkpoint| (checkpoint.position().partition, checkpoint.position()))
        .collect();
    let scanned = each_partition(log.partitions(), |partition| {
        let end = ends.get(&partition).copied();
        let (log, documents) = (log.clone(), documents.clone());
        async move {
            let Some(end) = end else { return Ok(None) };
            let scan = scan(&log, view, end, one_in).await?;
            let mut report = DocumentsReport {
                events: end.number,
                documents: scan.documents,
                ..DocumentsReport::default()
            };
            compare(&documents, view, end, scan.sample, &mut report).await?;
            Ok(Some((end, report)))
        }
    });
    let mut report = DocumentsReport::default();
    let mut expected = HashMap::new();
    for (end, part) in scanned.await?.into_iter().flatten() {
        expected.insert(end.partition, (end, part.documents));
        report.add(part);
    }
    count(&documents, &checkpoints, expected, &mut report).await?;
    Ok(report)
}

impl DocumentsReport {
    fn add(&mut self, other: Self) {
        self.events += other.events;
        self.documents += other.documents;
        self.compared += other.compared;
        self.differences.extend(other.differences);
    }
}

struct Scan {
    documents: u64,
    sample: HashMap<String, Vec<Recorded>>,
}

/// Reads a partition up to `end`.
async fn scan(
    log: &Log,
    view: &'static dyn AnyView,
    end: Position,
    one_in: u64,
) -> Result<Scan, ProjectError> {
    let mut reader = EntryReader::default();
    let mut seen = HashSet::new();
    let mut sample: HashMap<String, Vec<Recorded>> = HashMap::new();
    let mut at = Position { number: 0, ..end };
    while at.number < end.number {
        let entries = log.read(at, BATCH).await?;
        let Some(last) = entries.last() else {
            return Err(gone(at, end).into());
        };
        at = last.position;
        for entry in entries {
            let position = entry.position;
            if position.number > end.number {
                break;
            }
            let event = match reader.read(entry) {
                Ok(event) => event,
                Err(ReadError::Unknown(_)) => continue,
                Err(error) => return Err(unreadable(view, position, &error)),
            };
            let Some(id) = view.document_of(&event) else {
                continue;
            };
            let hash = xxh3_64(id.as_bytes());
            seen.insert(hash);
            if hash.is_multiple_of(one_in) {
                sample.entry(id).or_default().push(event);
            }
        }
    }
    Ok(Scan {
        documents: seen.len() as u64,
        sample,
    })
}

fn gone(at: Position, end: Position) -> LogError {
    LogError::Damaged {
        at,
        what: format!("it ends here, but was folded up to {end}"),
    }
}

fn unreadable(view: &'static dyn AnyView, position: Position, error: &ReadError) -> ProjectError {
    ProjectError::Event {
        view: view.name(),
        position,
        reason: error.to_string(),
    }
}

async fn compare(
    documents: &Documents,
    view: &'static dyn AnyView,
    end: Position,
    sample: HashMap<String, Vec<Recorded>>,
    report: &mut DocumentsReport,
) -> Result<(), ProjectError> {
    let ids: Vec<&str> = sample.keys().map(String::as_str).collect();
    let mut stored = documents.load(&ids).await?;
    for (id, events) in &sample {
        let found = stored.remove(id.as_str());
        if found.as_ref().is_some_and(|f| f.number > end.number as i64) {
            continue;
        }
        report.compared += 1;
        let refolded = refold(view, id, events);
        match (found, refolded) {
            (_, Err(error)) => report.differences.push(format!("{id}: {error}")),
            (None, Ok(_)) => report.differences.push(format!("{id} is missing")),
            (Some(found), Ok(refolded)) if found.document != refolded => {
                let what = format!("{id} is not what its {} events make it", events.len());
                report.differences.push(what);
            }
            (Some(_), Ok(_)) => {}
        }
    }
    Ok(())
}

fn refold(
    view: &'static dyn AnyView,
    id: &str,
    events: &[Recorded],
) -> Result<RawDocumentBuf, String> {
    let all: Vec<&Recorded> = events.iter().collect();
    let document = view.fold(None, &all).map_err(|(_, error)| error.0)?;
    let last = events.last().map(|event| event.position);
    let Position { partition, number } = last.ok_or("no events")?;
    placed(id, partition, number as i64, &document).map_err(|error| error.to_string())
}

/// Compares how many documents each partition fed with how many it should
/// have, where it has not moved on.
async fn count(
    documents: &Documents,
    checkpoints: &Checkpoints,
    mut expected: HashMap<Partition, (Position, u64)>,
    report: &mut DocumentsReport,
) -> Result<(), ProjectError> {
    let group = doc! {"$group": {"_id": "$_partition", "count": {"$sum": 1}}};
    let groups = documents.collection().aggregate([group]).await?;
    let groups: Vec<bson::Document> = groups.try_collect().await?;
    for checkpoint in checkpoints.all().await? {
        let now = checkpoint.position();
        if expected
            .get(&now.partition)
            .is_some_and(|(end, _)| *end != now)
        {
            expected.remove(&now.partition);
        }
    }
    for (partition, (_, should)) in expected {
        let id = i32::from(partition);
        let group = groups
            .iter()
            .find(|group| group.get_i32("_id").ok() == Some(id));
        let is = group.map_or(0, |group| number(group.get("count")));
        if is != should {
            let what = format!("partition {partition} has {is} documents, the log makes {should}");
            report.differences.push(what);
        }
    }
    Ok(())
}

fn number(value: Option<&bson::Bson>) -> u64 {
    let number = match value {
        Some(bson::Bson::Int32(n)) => i64::from(*n),
        Some(bson::Bson::Int64(n)) => *n,
        _ => 0,
    };
    u64::try_from(number).unwrap_or_default()
}
