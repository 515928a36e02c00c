//! Lists of the audit trail, and their filters.

use std::collections::VecDeque;

use bson::{Bson, DateTime, Document, doc};
use domain::{Event, Subject, Timestamp, text_of_key_part};
use eventlog::{Key, Log, Partition, Position};
use futures::TryStreamExt;
use mongodb::error::ErrorKind;
use mongodb::options::Hint;
use mongodb::{Collection, Cursor};
use serde::Deserialize;

use super::rows::{AuditRow, rows_at};
use super::{Audit, EventGroup, newest_first};
use crate::runtime::date::date;
use crate::runtime::page;
use crate::runtime::page::{Page, PageError, PageRequest};
use crate::runtime::recorded::EntryReader;
use crate::runtime::store::{QueryError, Store};

/// Filter of audit rows. A field that is `None` matches every row.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Key of the aggregate, such as `order/c-1/o-17`.
    pub aggregate: Option<String>,
    /// Type of the event, with or without its schema version.
    pub tag: Option<String>,
    /// Actor of the commit.
    pub actor: Option<String>,
    /// Customer that the event is about.
    pub customer_id: Option<String>,
    /// Id of the request.
    pub request_id: Option<String>,
    /// Earliest time of recording, inclusive.
    pub since: Option<Timestamp>,
    /// Latest time of recording, exclusive.
    pub until: Option<Timestamp>,
}

/// Maximum number of commits, or events of an aggregate, that a page examines where
/// no index has exactly the matching ones.
const SCAN_LIMIT: usize = 5_000;

/// Number of commits per batch of the cursor. Their documents may be large, and one
/// commit may fill a page.
const COMMIT_BATCH: u32 = 32;

/// Number of events per read of the log while rows are compared by key.
const COMPARE_BATCH: usize = 100;

/// Sort key of a row: the time of recording in milliseconds, the partition and the
/// event number.
type RowKey = (i64, Partition, u64);

/// Fields of a commit's document that a page needs. `types` and `customers` have
/// only the groups that the filter names.
#[derive(Deserialize)]
struct CommitRow {
    #[serde(rename = "_partition")]
    partition: Partition,
    first: u64,
    #[serde(rename = "_number")]
    last: u64,
    at: DateTime,
    types: Option<Vec<EventGroup>>,
    customers: Option<Vec<EventGroup>>,
}

impl Store {
    /// Returns a page of audit rows, newest first: by time of recording, then by
    /// position. Rows of one aggregate are in reverse order of its versions.
    ///
    /// A page examines a limited number of commits or events. It may therefore have
    /// fewer rows than its limit, or none, and still have a cursor.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB or the log does not answer, or the cursor is invalid.
    /// [`QueryError::Log`] also if a row of the page was trimmed.
    pub async fn audit(
        &self,
        log: &Log,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<AuditRow>, QueryError> {
        let Some(aggregate) = &filter.aggregate else {
            return self.commits(log, filter, None, page).await;
        };
        match Subject::parse(aggregate) {
            Ok(subject @ (Subject::Refusals(_) | Subject::Assistance(_) | Subject::Log(_))) => {
                self.commits(log, filter, Some(&subject), page).await
            }
            subject => {
                let layout = log.layout();
                let partition = subject.as_ref().ok().and_then(Subject::partition);
                let route = subject.as_ref().map(|subject| subject.route().to_owned());
                // For a key that this program cannot parse, the first id in it determines
                // the partition.
                let first = || aggregate.split('/').nth(1).and_then(text_of_key_part);
                let route = route.ok().or_else(first).unwrap_or_default();
                let by_route = || layout.partition_of(&route);
                let partition = partition.unwrap_or_else(by_route);
                walk_back(
                    log,
                    filter,
                    layout.key_in(aggregate.clone(), partition),
                    page,
                )
                .await
            }
        }
    }

    /// Returns rows of the commits that an index finds. Events of a subject without a
    /// head are found by their types, and compared by key after they are read.
    async fn commits(
        &self,
        log: &Log,
        filter: &AuditFilter,
        subject: Option<&Subject>,
        page: &PageRequest,
    ) -> Result<Page<AuditRow>, QueryError> {
        let after = page.after::<RowKey>()?;
        let query = CommitQuery::of(filter, subject, log);
        let documents = self.serving::<CommitRow>(Audit::NAME).await?;
        let mut commits = documents
            .aggregate(query.pipeline(after))
            .hint(Hint::Keys(query.index()))
            .batch_size(COMMIT_BATCH)
            .with_type::<CommitRow>()
            .await
            .map_err(unless_indexed)?;
        let key = subject.map(Subject::to_string);
        let mut found: Vec<(RowKey, AuditRow)> = Vec::new();
        let (mut keys, mut compared) = (VecDeque::new(), 0);
        loop {
            let missing = page.limit + 1 - found.len();
            let count = key.as_ref().map_or(missing, |_| missing.max(COMPARE_BATCH));
            fetch_keys(&mut keys, &mut commits, after, count).await?;
            let batch: Vec<RowKey> = keys.drain(..count.min(keys.len())).collect();
            let Some(last) = batch.last().copied() else {
                break;
            };
            compared += batch.len();
            let positions: Vec<_> = batch.iter().map(position).collect();
            let rows = rows_at(log, &positions).await?;
            let matches = |row: &AuditRow| key.as_ref().is_none_or(|key| *key == row.entry.key);
            let rows = batch.into_iter().zip(rows).filter(|(_, row)| matches(row));
            found.extend(rows);
            if found.len() > page.limit {
                break;
            }
            if key.is_some() && compared >= SCAN_LIMIT {
                return Ok(Page {
                    items: found.into_iter().map(|(_, row)| row).collect(),
                    next_cursor: Some(page::cursor(&last)),
                });
            }
        }
        let shown = page.cut(found, |(key, _)| *key);
        let mut next_cursor = shown.next_cursor;
        if next_cursor.is_none() && !query.residual.is_empty() {
            let last = shown.items.last().map(|(key, _)| *key);
            let end = scan_end(&documents, &query, after).await?;
            // Commits that arrived since the first query move the end forward. The cursor
            // is never before the last row shown, so that no row is skipped or repeated.
            let end = end.map(|end| last.map_or(end, |last| last.min(end)));
            next_cursor = end.map(|end| page::cursor(&end));
        }
        Ok(Page {
            items: shown.items.into_iter().map(|(_, row)| row).collect(),
            next_cursor,
        })
    }
}

/// Query for commits: conditions that an index serves, and the remaining ones.
struct CommitQuery {
    /// First field of the index, and the condition on it; `None` for the index by time.
    indexed: Option<(&'static str, Bson)>,
    /// Condition on the time of recording, which every index serves.
    recorded_at: Document,
    /// Conditions that the index does not serve.
    residual: Document,
    tags: Option<Vec<String>>,
    customer: Option<String>,
}

impl CommitQuery {
    /// Chooses the index by the most selective field of the filter.
    ///
    /// MongoDB's own choice is unreliable: it tries indexes for a moment, and events of
    /// one request or customer are close together in time. The index by time alone
    /// may look good there, and then be scanned for years of events.
    fn of(filter: &AuditFilter, subject: Option<&Subject>, log: &Log) -> Self {
        let text = |field, text: &Option<String>| Some((field, Bson::from(text.clone()?)));
        let tags = filter.tags(subject);
        let types = tags
            .clone()
            .map(|tags| ("types.id", doc! {"$in": tags}.into()));
        let fields = [
            text("request_id", &filter.request_id),
            text("customers.id", &filter.customer_id),
            types,
            text("actor", &filter.actor),
        ];
        let mut fields = fields.into_iter().flatten();
        let indexed = fields.next();
        let mut residual: Document = fields
            .map(|(field, value)| (field.to_owned(), value))
            .collect();
        if let Some(subject) = subject {
            let partition = log.layout().partition_of(subject.route());
            residual.insert("_partition", i32::from(partition));
        }
        let mut recorded_at = doc! {};
        if let Some(since) = filter.since {
            recorded_at.insert("$gte", date(since));
        }
        if let Some(until) = filter.until {
            recorded_at.insert("$lt", date(until));
        }
        Self {
            indexed,
            recorded_at,
            residual,
            tags,
            customer: filter.customer_id.clone(),
        }
    }

    fn index(&self) -> Document {
        newest_first(self.indexed.as_ref().map(|(field, _)| *field))
    }

    /// Returns the filter of the range of the index that follows a row.
    fn index_range(&self, after: Option<RowKey>) -> Document {
        let mut parts: Vec<Document> = Vec::new();
        if let Some((field, value)) = &self.indexed {
            parts.push(doc! {*field: value});
        }
        if !self.recorded_at.is_empty() {
            parts.push(doc! {"at": &self.recorded_at});
        }
        if let Some((millis, partition, number)) = after {
            let at = DateTime::from_millis(millis);
            let partition = i32::from(partition);
            parts.push(doc! {"at": {"$lte": at}});
            parts.push(doc! {"$or": [
                {"at": {"$lt": at}},
                {"at": at, "_partition": {"$lt": partition}},
                {"at": at, "_partition": partition, "first": {"$lt": number as i64}},
            ]});
        }
        match parts.is_empty() {
            true => doc! {},
            false => doc! {"$and": parts},
        }
    }

    fn pipeline(&self, after: Option<RowKey>) -> Vec<Document> {
        let mut stages = vec![
            doc! {"$match": self.index_range(after)},
            doc! {"$sort": newest_first(None)},
        ];
        // The limit comes first: it bounds the commits examined, not the commits found.
        if !self.residual.is_empty() {
            stages.push(doc! {"$limit": SCAN_LIMIT as i64});
            stages.push(doc! {"$match": &self.residual});
        }
        let mut fields = doc! {"_id": 0, "_partition": 1, "_number": 1, "first": 1, "at": 1};
        if let Some(tags) = &self.tags {
            let of_types = doc! {"$in": ["$$this.id", {"$literal": tags}]};
            fields.insert(
                "types",
                doc! {"$filter": {"input": "$types", "cond": of_types}},
            );
        }
        if let Some(customer) = &self.customer {
            let of_customer = doc! {"$eq": ["$$this.id", {"$literal": customer}]};
            let filter = doc! {"input": "$customers", "cond": of_customer};
            fields.insert("customers", doc! {"$filter": filter});
        }
        stages.push(doc! {"$project": fields});
        stages
    }
}

impl AuditFilter {
    /// Returns the event types that match, with versions; `None` if all types match.
    fn tags(&self, subject: Option<&Subject>) -> Option<Vec<String>> {
        let of_subject = subject.map(Event::tags_of);
        let Some(name) = self.tag.as_deref() else {
            return of_subject.map(|tags| tags.iter().map(|&tag| tag.to_owned()).collect());
        };
        let is_of_subject = |tag: &str| of_subject.is_none_or(|tags| tags.contains(&tag));
        let tags: Vec<&str> = match name.contains('.') {
            true => vec![name],
            false => domain::type_tags()
                .filter(|tag| is_named(tag, name))
                .collect(),
        };
        let tags = tags.into_iter().filter(|tag| is_of_subject(tag));
        Some(tags.map(str::to_owned).collect())
    }

    /// Returns whether a row matches all fields of the filter but the aggregate.
    fn matches(&self, row: &AuditRow) -> bool {
        let is = |wanted: &Option<String>, value: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| value == Some(wanted))
        };
        let (tag, at) = (&*row.entry.tag, row.metadata.at);
        let customer = row.customer.as_ref().map(|customer| customer.as_str());
        self.tag
            .as_deref()
            .is_none_or(|name| name == tag || is_named(tag, name))
            && is(&self.actor, Some(&row.metadata.actor))
            && is(&self.request_id, row.metadata.request.as_deref())
            && is(&self.customer_id, customer)
            && self.since.is_none_or(|since| at >= since)
            && self.until.is_none_or(|until| at < until)
    }
}

impl CommitRow {
    /// Returns the keys of the matching events, newest first.
    fn row_keys(&self) -> impl Iterator<Item = RowKey> {
        let numbers = |groups: &Vec<EventGroup>| {
            let mut numbers: Vec<u64> = groups
                .iter()
                .flat_map(|group| group.numbers(self.first, self.last))
                .collect();
            numbers.sort_unstable();
            numbers
        };
        let mut matching = match &self.customers {
            Some(customers) => numbers(customers),
            None => (self.first..=self.last).collect(),
        };
        if let Some(types) = &self.types {
            let of_types = numbers(types);
            matching.retain(|number| of_types.binary_search(number).is_ok());
        }
        let (at, partition) = (self.at.timestamp_millis(), self.partition);
        matching
            .into_iter()
            .rev()
            .map(move |number| (at, partition, number))
    }
}

/// Fetches commits until there are `count` row keys, or no more commits.
async fn fetch_keys(
    keys: &mut VecDeque<RowKey>,
    commits: &mut Cursor<CommitRow>,
    after: Option<RowKey>,
    count: usize,
) -> Result<(), QueryError> {
    while keys.len() < count
        && let Some(commit) = commits.try_next().await?
    {
        let is_after = |key: &RowKey| after.is_none_or(|after| *key < after);
        keys.extend(commit.row_keys().filter(is_after));
    }
    Ok(())
}

/// Returns rows of one aggregate, following back pointers from its head or from the
/// last row of the page before.
async fn walk_back(
    log: &Log,
    filter: &AuditFilter,
    key: Key,
    page: &PageRequest,
) -> Result<Page<AuditRow>, QueryError> {
    let mut last = match page.after::<RowKey>()? {
        Some(after) => {
            // A cursor of another aggregate's list is rejected.
            let before = log.entries(&[position(&after)]).await?.pop().flatten();
            let before = before.filter(|entry| entry.key == key.to_string());
            before.ok_or(PageError)?.previous
        }
        None => {
            let head = log.heads(key.partition, &[&key]).await?.pop().flatten();
            head.map_or(0, |head| head.last)
        }
    };
    let mut reader = EntryReader::default();
    let (mut found, mut examined) = (Vec::new(), 0);
    while last > 0 && found.len() <= page.limit {
        let from = Position {
            partition: key.partition,
            number: last,
        };
        let count = page.limit + 1 - found.len();
        let mut end = None;
        for entry in log.history_back(&key, from, count).await? {
            examined += 1;
            last = entry.previous;
            let row = AuditRow::of(&mut reader, entry)?;
            end = Some(row_key(&row));
            if filter.matches(&row) {
                found.push(row);
            }
        }
        if examined >= SCAN_LIMIT && last > 0 && found.len() <= page.limit {
            return Ok(Page {
                items: found,
                next_cursor: end.map(|end| page::cursor(&end)),
            });
        }
    }
    Ok(page.cut(found, row_key))
}

/// Returns the key of the last commit that a page examined; `None` if the page
/// examined all commits.
async fn scan_end(
    documents: &Collection<CommitRow>,
    query: &CommitQuery,
    after: Option<RowKey>,
) -> Result<Option<RowKey>, QueryError> {
    let found = documents
        .find(query.index_range(after))
        .projection(doc! {"_id": 0, "_partition": 1, "_number": 1, "first": 1, "at": 1})
        .sort(newest_first(None))
        .hint(Hint::Keys(query.index()))
        .skip(SCAN_LIMIT as u64 - 1)
        .limit(1)
        .await
        .map_err(unless_indexed)?;
    let last: Vec<CommitRow> = found.try_collect().await?;
    let key = |commit: &CommitRow| {
        let at = commit.at.timestamp_millis();
        (at, commit.partition, commit.first)
    };
    Ok(last.first().map(key))
}

/// Reports a missing index as an unavailable database: workers build it at their
/// start.
pub(super) fn unless_indexed(error: mongodb::error::Error) -> QueryError {
    match &*error.kind {
        ErrorKind::Command(command) if command.message.contains("hint") => QueryError::Mongo(error),
        _ => error.into(),
    }
}

/// Returns whether a type has this name, in any version.
fn is_named(tag: &str, name: &str) -> bool {
    tag.split('.').next() == Some(name)
}

fn row_key(row: &AuditRow) -> RowKey {
    let Position { partition, number } = row.entry.position;
    (row.metadata.at.millis(), partition, number)
}

fn position(&(_, partition, number): &RowKey) -> Position {
    Position { partition, number }
}
