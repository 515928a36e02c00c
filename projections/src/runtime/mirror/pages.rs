//! Pages of both lists, and their cursors.

use bson::Document;
use eventlog::{Log, Partition};
use serde::{Deserialize, Serialize};

use super::MirroredView;
use super::reader::MirrorReader;
use crate::runtime::page::{Page, PageError, PageRequest, cursor};
use crate::runtime::store::{QueryError, Store};

/// Page of a list of changes.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangedPage<T> {
    /// Items, and the cursor of the next page; `None` once there are no more
    /// changes.
    pub page: Page<T>,
    /// Cursor of the changes that are recorded later, once there are no more.
    pub resume_cursor: Option<String>,
}

/// Name of the list in its cursors, which no other list accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum RecordedList {
    #[serde(rename = "recorded")]
    Recorded,
}

/// Start of a page of documents as recorded: epoch of the log, partition, and
/// the number after which it starts.
type RecordedStart = (RecordedList, String, Partition, i64);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum ChangedList {
    #[serde(rename = "changed")]
    Changed,
}

/// Start of a page of changes: epoch of the log, the partition that comes first,
/// and for each partition the number after which it starts.
type ChangedStart = (ChangedList, String, Partition, Vec<i64>);

/// Returns a page of documents by partition and the number of the first event.
pub(crate) async fn recorded_page<V: MirroredView>(
    store: &Store,
    filter: Document,
    page: &PageRequest,
) -> Result<Page<V::Document>, QueryError> {
    let start = page.after::<RecordedStart>()?;
    let reader = MirrorReader::<V>::open(store, filter).await?;
    let (mut partition, mut after) = match start {
        None => (0, 0),
        Some((_, epoch, partition, number)) if epoch == reader.epoch => (partition, number),
        Some(_) => return Err(PageError.into()),
    };
    let mut items: Vec<(Partition, V::Document)> = Vec::new();
    let wanted = page.limit + 1;
    for (&next, &end) in reader.ends.range(partition..) {
        if next > partition {
            (partition, after) = (next, 0);
        }
        let left = wanted - items.len();
        let found = reader.within(next, "recorded", (after, end), Document::new(), left);
        items.extend(found.await?.into_iter().map(|document| (next, document)));
        if items.len() == wanted {
            break;
        }
    }
    let cut = page.cut(items, |(partition, document)| -> RecordedStart {
        let number = V::mirrored(document).recorded;
        (
            RecordedList::Recorded,
            reader.epoch.clone(),
            *partition,
            number,
        )
    });
    Ok(Page {
        items: cut
            .items
            .into_iter()
            .map(|(_, document)| document)
            .collect(),
        next_cursor: cut.next_cursor,
    })
}

/// Returns a page of documents by the number of the last event, one partition
/// after the other. Pages take turns among the partitions, so that many changes
/// in one do not hold back the others.
pub(crate) async fn changed_page<V: MirroredView>(
    store: &Store,
    log: &Log,
    filter: Document,
    page: &PageRequest,
) -> Result<ChangedPage<V::Document>, QueryError> {
    let start = page.after::<ChangedStart>()?;
    let reader = MirrorReader::<V>::open(store, filter).await?;
    let partitions = log.layout().partitions();
    let (first, mut numbers) = match start {
        None => (0, vec![0; usize::from(partitions)]),
        Some((_, epoch, first, numbers))
            if epoch == reader.epoch
                && numbers.len() == usize::from(partitions)
                && first < partitions =>
        {
            (first, numbers)
        }
        Some(_) => return Err(PageError.into()),
    };
    let mut items = Vec::new();
    let mut next = None;
    for partition in (first..partitions).chain(0..first) {
        let number = &mut numbers[usize::from(partition)];
        let end = reader.ends.get(&partition).copied().unwrap_or(0);
        if end <= *number {
            continue;
        }
        let left = page.limit - items.len();
        // One more than fits shows if there are more.
        let range = (*number, end);
        let mut found = reader.changes(log, partition, range, left + 1).await?;
        let has_more = found.len() > left;
        found.truncate(left);
        match (has_more, found.last()) {
            (false, _) => *number = end,
            (true, Some((last, _))) => *number = *last,
            // The page was full before this partition.
            (true, None) => {}
        }
        items.extend(found.into_iter().map(|(_, document)| document));
        if has_more {
            next = Some(match left {
                0 => partition,
                _ => (partition + 1) % partitions,
            });
            break;
        }
    }
    let start = (
        ChangedList::Changed,
        reader.epoch.clone(),
        next.unwrap_or(first),
        numbers,
    );
    let cursor = cursor::<ChangedStart>(&start);
    let (next_cursor, resume_cursor) = match next {
        Some(_) => (Some(cursor), None),
        None => (None, Some(cursor)),
    };
    Ok(ChangedPage {
        page: Page { items, next_cursor },
        resume_cursor,
    })
}
