//! Filters of the audit trail, and its list.

use std::collections::VecDeque;

use bson::{Bson, DateTime, Document, doc};
use domain::{Event, Subject, Timestamp};
use eventlog::{Key, Log, Partition, Position};
use futures::TryStreamExt;
use mongodb::error::ErrorKind;
use mongodb::options::Hint;
use mongodb::{Collection, Cursor};
use serde::Deserialize;

use super::rows::{AuditRow, rows_at};
use super::{Audit, Part, newest_first};
use crate::date::date;
use crate::{EntryReader, Page, PageError, PageRequest, QueryError, Store, page};

/// Which rows are wanted; what is `None` does not matter.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// The aggregate's key: `order/c-1/o-17`.
    pub aggregate: Option<String>,
    /// The event's type, with or without its version.
    pub tag: Option<String>,
    /// On whose behalf.
    pub actor: Option<String>,
    /// About which customer.
    pub customer_id: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
    /// Recorded at this time or later.
    pub since: Option<Timestamp>,
    /// Recorded before this time.
    pub until: Option<Timestamp>,
}

/// How many commits, or events of an aggregate, a page looks at where no index
/// has just those that are wanted.
const LOOKED_AT: usize = 5_000;

/// How many commits are fetched at once: their documents may be large, and one
/// commit may fill a page.
const COMMITS: u32 = 32;

/// How many events are read at once to be compared.
const COMPARED: usize = 100;

/// Where a row stands among the others: when it was recorded, and its position.
type Place = (i64, Partition, u64);

/// What a page needs of a commit's document: the parts that the filter names.
#[derive(Deserialize)]
struct Commit {
    #[serde(rename = "_partition")]
    partition: Partition,
    first: u64,
    #[serde(rename = "_number")]
    last: u64,
    at: DateTime,
    types: Option<Vec<Part>>,
    customers: Option<Vec<Part>>,
}

impl Store {
    /// Rows of the audit trail, newest first: by when they were recorded, then
    /// by position. Those of one aggregate are in the order of its versions.
    ///
    /// A page may have fewer rows than asked for, even none, and still say
    /// where to go on: it looks at a limited number of commits or events,
    /// however few of them are wanted.
    ///
    /// # Errors
    /// [`QueryError`]; [`QueryError::Log`] also for rows that were trimmed.
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
                let route = subject.as_ref().map(Subject::route).ok();
                // Whatever kind an aggregate is of, its first id tells the partition.
                let route = route.or_else(|| aggregate.split('/').nth(1));
                let by_route = || layout.partition_of(route.unwrap_or_default());
                let partition = partition.unwrap_or_else(by_route);
                walk(
                    log,
                    filter,
                    layout.key_in(aggregate.clone(), partition),
                    page,
                )
                .await
            }
        }
    }

    /// Rows of the commits that an index finds. Events of a subject without a
    /// head are found by their types, and told from others when they are read.
    async fn commits(
        &self,
        log: &Log,
        filter: &AuditFilter,
        subject: Option<&Subject>,
        page: &PageRequest,
    ) -> Result<Page<AuditRow>, QueryError> {
        let after = page.after::<Place>()?;
        let wanted = Wanted::of(filter, subject, log);
        let documents = self.serving::<Commit>(Audit::NAME).await?;
        let mut commits = documents
            .aggregate(wanted.pipeline(after))
            .hint(Hint::Keys(wanted.index()))
            .batch_size(COMMITS)
            .with_type::<Commit>()
            .await
            .map_err(unless_indexed)?;
        let key = subject.map(Subject::to_string);
        let mut found: Vec<(Place, AuditRow)> = Vec::new();
        let (mut places, mut compared) = (VecDeque::new(), 0);
        loop {
            let missing = page.limit + 1 - found.len();
            let at_once = key.as_ref().map_or(missing, |_| missing.max(COMPARED));
            fill(&mut places, &mut commits, after, at_once).await?;
            let some: Vec<Place> = places.drain(..at_once.min(places.len())).collect();
            let Some(last) = some.last().copied() else {
                break;
            };
            compared += some.len();
            let positions: Vec<_> = some.iter().map(position).collect();
            let rows = rows_at(log, &positions).await?;
            let is_wanted = |row: &AuditRow| key.as_ref().is_none_or(|key| *key == row.entry.key);
            let rows = some.into_iter().zip(rows).filter(|(_, row)| is_wanted(row));
            found.extend(rows);
            if found.len() > page.limit {
                break;
            }
            if key.is_some() && compared >= LOOKED_AT {
                return Ok(Page {
                    items: found.into_iter().map(|(_, row)| row).collect(),
                    next_cursor: Some(page::cursor(&last)),
                });
            }
        }
        let shown = page.cut(found, |(place, _)| *place);
        let mut next_cursor = shown.next_cursor;
        if next_cursor.is_none() && !wanted.among.is_empty() {
            let last = shown.items.last().map(|(place, _)| *place);
            let end = looked_at(&documents, &wanted, after).await?;
            // Commits that came in meanwhile moved the end: no row is passed
            // over, and none shown twice.
            let end = end.map(|end| last.map_or(end, |last| last.min(end)));
            next_cursor = end.map(|end| page::cursor(&end));
        }
        Ok(Page {
            items: shown.items.into_iter().map(|(_, row)| row).collect(),
            next_cursor,
        })
    }
}

/// Which commits are looked for: along an index, and what else they must be.
struct Wanted {
    /// The field of the index, and what it must be.
    along: Option<(&'static str, Bson)>,
    at: Document,
    /// What the index does not have.
    among: Document,
    tags: Option<Vec<String>>,
    customer: Option<String>,
}

impl Wanted {
    /// What belongs to one request or customer is close together in time:
    /// MongoDB, which tries indexes out for a moment, may take one that has
    /// only the time for a good one, and go through years of it.
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
        let along = fields.next();
        let mut among: Document = fields
            .map(|(field, value)| (field.to_owned(), value))
            .collect();
        if let Some(subject) = subject {
            let partition = log.layout().partition_of(subject.route());
            among.insert("_partition", i32::from(partition));
        }
        let mut at = doc! {};
        if let Some(since) = filter.since {
            at.insert("$gte", date(since));
        }
        if let Some(until) = filter.until {
            at.insert("$lt", date(until));
        }
        Self {
            along,
            at,
            among,
            tags,
            customer: filter.customer_id.clone(),
        }
    }

    fn index(&self) -> Document {
        newest_first(self.along.as_ref().map(|(field, _)| *field))
    }

    /// What the index has behind a row.
    fn stretch(&self, after: Option<Place>) -> Document {
        let mut parts: Vec<Document> = Vec::new();
        if let Some((field, value)) = &self.along {
            parts.push(doc! {*field: value});
        }
        if !self.at.is_empty() {
            parts.push(doc! {"at": &self.at});
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

    fn pipeline(&self, after: Option<Place>) -> Vec<Document> {
        let mut stages = vec![
            doc! {"$match": self.stretch(after)},
            doc! {"$sort": newest_first(None)},
        ];
        if !self.among.is_empty() {
            stages.push(doc! {"$limit": LOOKED_AT as i64});
            stages.push(doc! {"$match": &self.among});
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
    /// The types of events that are wanted, if not all are.
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

    /// Whether the row is wanted, the aggregate apart.
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

impl Commit {
    /// The places of its events that are wanted, the newest first.
    fn places(&self) -> impl Iterator<Item = Place> {
        let numbers = |parts: &Vec<Part>| {
            let parts = parts.iter();
            let mut numbers: Vec<u64> = parts
                .flat_map(|part| part.numbers(self.first, self.last))
                .collect();
            numbers.sort_unstable();
            numbers
        };
        let mut wanted = match &self.customers {
            Some(customers) => numbers(customers),
            None => (self.first..=self.last).collect(),
        };
        if let Some(types) = &self.types {
            let of_types = numbers(types);
            wanted.retain(|number| of_types.binary_search(number).is_ok());
        }
        let (at, partition) = (self.at.timestamp_millis(), self.partition);
        wanted
            .into_iter()
            .rev()
            .map(move |number| (at, partition, number))
    }
}

/// Takes commits until there are so many places of rows, or no more commits.
async fn fill(
    places: &mut VecDeque<Place>,
    commits: &mut Cursor<Commit>,
    after: Option<Place>,
    count: usize,
) -> Result<(), QueryError> {
    while places.len() < count
        && let Some(commit) = commits.try_next().await?
    {
        let is_behind = |place: &Place| after.is_none_or(|after| *place < after);
        places.extend(commit.places().filter(is_behind));
    }
    Ok(())
}

/// Rows of one aggregate, back from its head or from where a page ended.
async fn walk(
    log: &Log,
    filter: &AuditFilter,
    key: Key,
    page: &PageRequest,
) -> Result<Page<AuditRow>, QueryError> {
    let mut last = match page.after::<Place>()? {
        Some(place) => {
            let before = log.entries(&[position(&place)]).await?.pop().flatten();
            let before = before.filter(|entry| entry.key == key.to_string());
            before.ok_or(PageError)?.previous
        }
        None => {
            let head = log.heads(key.partition, &[&key]).await?.pop().flatten();
            head.map_or(0, |head| head.last)
        }
    };
    let mut reader = EntryReader::default();
    let (mut found, mut looked) = (Vec::new(), 0);
    while last > 0 && found.len() <= page.limit {
        let from = Position {
            partition: key.partition,
            number: last,
        };
        let most = page.limit + 1 - found.len();
        let mut end = None;
        for entry in log.history_back(&key, from, most).await? {
            looked += 1;
            last = entry.previous;
            let row = AuditRow::of(&mut reader, entry)?;
            end = Some(place(&row));
            if filter.matches(&row) {
                found.push(row);
            }
        }
        if looked >= LOOKED_AT && last > 0 && found.len() <= page.limit {
            return Ok(Page {
                items: found,
                next_cursor: end.map(|end| page::cursor(&end)),
            });
        }
    }
    Ok(page.cut(found, place))
}

/// The place behind the last commit that a page looked at, if there are more.
async fn looked_at(
    documents: &Collection<Commit>,
    wanted: &Wanted,
    after: Option<Place>,
) -> Result<Option<Place>, QueryError> {
    let found = documents
        .find(wanted.stretch(after))
        .projection(doc! {"_id": 0, "_partition": 1, "_number": 1, "first": 1, "at": 1})
        .sort(newest_first(None))
        .hint(Hint::Keys(wanted.index()))
        .skip(LOOKED_AT as u64 - 1)
        .limit(1)
        .await
        .map_err(unless_indexed)?;
    let last: Vec<Commit> = found.try_collect().await?;
    let place = |commit: &Commit| {
        let at = commit.at.timestamp_millis();
        (at, commit.partition, commit.first)
    };
    Ok(last.first().map(place))
}

/// An index that is not there yet comes with the workers' start.
pub(super) fn unless_indexed(error: mongodb::error::Error) -> QueryError {
    match &*error.kind {
        ErrorKind::Command(command) if command.message.contains("hint") => QueryError::Mongo(error),
        _ => error.into(),
    }
}

/// Whether a type is of this name, in any version.
fn is_named(tag: &str, name: &str) -> bool {
    tag.split('.').next() == Some(name)
}

fn place(row: &AuditRow) -> Place {
    let Position { partition, number } = row.entry.position;
    (row.metadata.at.millis(), partition, number)
}

fn position(&(_, partition, number): &Place) -> Position {
    Position { partition, number }
}
