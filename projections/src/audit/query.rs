//! What is asked of the audit trail.

use bson::{Bson, DateTime, Document, doc};
use domain::Timestamp;
use eventlog::Position;
use futures::TryStreamExt;
use mongodb::Collection;
use mongodb::error::ErrorKind;
use mongodb::options::Hint;

use super::{Audit, AuditDocument, index, newest};
use crate::date::date;
use crate::view::View;
use crate::{Page, PageError, PageRequest, QueryError, Store, page};

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

/// How many rows a page looks at where no index has just those that are wanted.
const LOOKED_AT: i64 = 5_000;

/// Where a row stands among the others: when it was recorded, and its position.
type Place = (i64, i32, i64);

impl AuditFilter {
    /// The fields of the index that rows are looked for along, and of each what
    /// it has to be. What an aggregate, a request or a customer has is close
    /// together in time: MongoDB, which tries indexes out for a moment, may take
    /// one that has only the time for a good one, and go through years of it.
    fn along(&self) -> Vec<(&'static str, Bson)> {
        let text = |field, text: &Option<String>| Some((field, Bson::from(text.clone()?)));
        let selective = text("aggregate", &self.aggregate)
            .or_else(|| text("request_id", &self.request_id))
            .or_else(|| text("customer_id", &self.customer_id));
        match selective {
            Some(field) => vec![field],
            None => {
                let actor = text("actor", &self.actor);
                actor.into_iter().chain(self.types()).collect()
            }
        }
    }

    /// What else has to be so.
    fn among(&self) -> Document {
        let along = self.along();
        let texts = [
            ("request_id", &self.request_id),
            ("customer_id", &self.customer_id),
            ("actor", &self.actor),
        ];
        let texts = texts
            .into_iter()
            .filter_map(|(field, text)| Some((field, Bson::from(text.clone()?))));
        let is_new = |(field, _): &(&str, Bson)| along.iter().all(|(there, _)| there != field);
        texts
            .chain(self.types())
            .filter(is_new)
            .map(|(field, value)| (field.to_owned(), value))
            .collect()
    }

    fn types(&self) -> Option<(&'static str, Bson)> {
        let name = self.tag.as_deref()?;
        let tags: Vec<&str> = match name.contains('.') {
            true => vec![name],
            false => domain::type_tags()
                .filter(|tag| tag.split('.').next() == Some(name))
                .collect(),
        };
        Some(("type", doc! {"$in": tags}.into()))
    }

    /// When rows were recorded that are wanted.
    fn time(&self) -> Option<Document> {
        let mut at = doc! {};
        if let Some(since) = self.since {
            at.insert("$gte", date(since));
        }
        if let Some(until) = self.until {
            at.insert("$lt", date(until));
        }
        (!at.is_empty()).then_some(at)
    }

    /// The keys of the index that rows are looked for along.
    pub fn index(&self) -> Document {
        let fields: Vec<_> = self.along().into_iter().map(|(field, _)| field).collect();
        index(&fields)
    }

    /// What the index has from where the page begins.
    fn stretch(&self, page: &PageRequest) -> Result<Document, PageError> {
        let along = self.along().into_iter();
        let mut parts: Vec<_> = along.map(|(field, value)| doc! {field: value}).collect();
        parts.extend(self.time().map(|time| doc! {"at": time}));
        if let Some((millis, partition, number)) = page.after::<Place>()? {
            let at = DateTime::from_millis(millis);
            parts.push(doc! {"at": {"$lte": at}});
            parts.push(doc! {"$or": [
                {"at": {"$lt": at}},
                {"at": at, "_partition": {"$lt": partition}},
                {"at": at, "_partition": partition, "_number": {"$lt": number}},
            ]});
        }
        Ok(match parts.is_empty() {
            true => doc! {},
            false => doc! {"$and": parts},
        })
    }

    /// What MongoDB is asked for, with a hint to [`Self::index`].
    ///
    /// # Errors
    /// [`PageError`] for a cursor of another list.
    pub fn pipeline(&self, page: &PageRequest) -> Result<Vec<Document>, PageError> {
        let mut stages = vec![
            doc! {"$match": self.stretch(page)?},
            doc! {"$sort": newest()},
        ];
        let among = self.among();
        if !among.is_empty() {
            stages.extend([doc! {"$limit": LOOKED_AT}, doc! {"$match": among}]);
        }
        stages.push(doc! {"$limit": page.fetch()});
        Ok(stages)
    }
}

impl Store {
    /// Rows of the audit trail, newest first. A page may have fewer than asked
    /// for, even none, and still say where to go on: it looks at so many rows
    /// and no more, however few of them are wanted.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn audit(
        &self,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<AuditDocument>, QueryError> {
        let rows = self.serving::<AuditDocument>(Audit::NAME).await?;
        let cursor = rows
            .aggregate(filter.pipeline(page)?)
            .hint(Hint::Keys(filter.index()))
            .with_type::<AuditDocument>()
            .await
            .map_err(unless_indexed)?;
        let mut found = page.cut(cursor.try_collect().await?, place);
        if found.next_cursor.is_none() && !filter.among().is_empty() {
            let last = found.items.last().map(place);
            let end = looked_at(&rows, filter, page).await?;
            // Rows that came in meanwhile moved the end: none is passed over,
            // and none shown twice.
            let end = end.map(|end| last.map_or(end, |last| last.min(end)));
            found.next_cursor = end.map(|end| page::cursor(&end));
        }
        Ok(found)
    }

    /// Everything about one customer, in the order it happened, latest first.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn timeline(
        &self,
        customer: &str,
        page: &PageRequest,
    ) -> Result<Page<AuditDocument>, QueryError> {
        let mut filter = doc! {"customer_id": customer};
        if let Some((millis, number)) = page.after::<(i64, i64)>()? {
            let at = DateTime::from_millis(millis);
            filter.insert("occurred_at", doc! {"$lte": at});
            let earlier = vec![
                doc! {"occurred_at": {"$lt": at}},
                // All of a customer is in one partition: numbers order it.
                doc! {"occurred_at": at, "_number": {"$lt": number}},
            ];
            filter.insert("$or", earlier);
        }
        let sort = doc! {"occurred_at": -1, "_number": -1};
        let rows = self.serving::<AuditDocument>(Audit::NAME).await?;
        let cursor = rows.find(filter).sort(sort).limit(page.fetch()).await?;
        let rows = cursor.try_collect().await?;
        Ok(page.cut(rows, |row| {
            (row.occurred_at.timestamp_millis(), place(row).2)
        }))
    }
}

/// The place of the last row that a page looked at, if there are more behind.
async fn looked_at(
    rows: &Collection<AuditDocument>,
    filter: &AuditFilter,
    page: &PageRequest,
) -> Result<Option<Place>, QueryError> {
    let found = rows
        .find(filter.stretch(page)?)
        .sort(newest())
        .hint(Hint::Keys(filter.index()))
        .skip(LOOKED_AT.unsigned_abs() - 1)
        .limit(1)
        .await
        .map_err(unless_indexed)?;
    let last: Vec<AuditDocument> = found.try_collect().await?;
    Ok(last.first().map(place))
}

/// An index that is not there yet comes with the workers' start.
fn unless_indexed(error: mongodb::error::Error) -> QueryError {
    match &*error.kind {
        ErrorKind::Command(command) if command.message.contains("hint") => QueryError::Mongo(error),
        _ => error.into(),
    }
}

fn place(row: &AuditDocument) -> Place {
    let position = row.position.parse::<Position>().ok();
    let (partition, number) =
        position.map_or((0, 0), |p| (i32::from(p.partition), p.number as i64));
    (row.at.timestamp_millis(), partition, number)
}
