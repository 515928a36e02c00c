//! What is asked of the audit trail.

use bson::{DateTime, Document, doc};
use domain::Timestamp;
use eventlog::Position;
use futures::TryStreamExt;

use super::{Audit, AuditDocument};
use crate::date::date;
use crate::view::View;
use crate::{Page, PageError, PageRequest, QueryError, Store};

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

impl AuditFilter {
    /// The rows wanted, as MongoDB is asked for them.
    fn to_document(&self) -> Document {
        let mut filter = doc! {};
        let texts = [
            ("aggregate", &self.aggregate),
            ("actor", &self.actor),
            ("customer_id", &self.customer_id),
            ("request_id", &self.request_id),
        ];
        for (field, text) in texts {
            if let Some(text) = text {
                filter.insert(field, text);
            }
        }
        match &self.tag {
            Some(tag) if tag.contains('.') => {
                filter.insert("type", tag);
            }
            Some(name) => {
                let tags: Vec<_> = domain::type_tags()
                    .filter(|tag| tag.split('.').next() == Some(name))
                    .collect();
                filter.insert("type", doc! {"$in": tags});
            }
            None => {}
        }
        let mut at = doc! {};
        if let Some(since) = self.since {
            at.insert("$gte", date(since));
        }
        if let Some(until) = self.until {
            at.insert("$lt", date(until));
        }
        if !at.is_empty() {
            filter.insert("at", at);
        }
        filter
    }
}

impl AuditFilter {
    /// What MongoDB is asked for: rows that match, from where the page begins,
    /// to be sorted by [`newest`].
    ///
    /// # Errors
    /// [`PageError`] for a cursor of another list.
    pub fn query(&self, page: &PageRequest) -> Result<Document, PageError> {
        let mut parts = vec![self.to_document()];
        if let Some((millis, partition, number)) = page.after::<(i64, i32, i64)>()? {
            let at = DateTime::from_millis(millis);
            parts.push(doc! {"at": {"$lte": at}});
            parts.push(doc! {"$or": [
                {"at": {"$lt": at}},
                {"at": at, "_partition": {"$lt": partition}},
                {"at": at, "_partition": partition, "_number": {"$lt": number}},
            ]});
        }
        Ok(doc! {"$and": parts})
    }
}

/// The newest first: when a row was recorded, then its position.
pub fn newest() -> Document {
    doc! {"at": -1, "_partition": -1, "_number": -1}
}

impl Store {
    /// Rows of the audit trail, newest first.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn audit(
        &self,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<AuditDocument>, QueryError> {
        let wanted = filter.query(page)?;
        let rows = self.audit_rows(wanted, newest(), page).await?;
        Ok(page.cut(rows, |row| {
            let (partition, number) = place(row);
            (row.at.timestamp_millis(), partition, number)
        }))
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
        let rows = self.audit_rows(filter, sort, page).await?;
        Ok(page.cut(rows, |row| {
            (row.occurred_at.timestamp_millis(), place(row).1)
        }))
    }

    async fn audit_rows(
        &self,
        filter: Document,
        sort: Document,
        page: &PageRequest,
    ) -> Result<Vec<AuditDocument>, QueryError> {
        let rows = self.serving::<AuditDocument>(Audit::NAME).await?;
        let cursor = rows.find(filter).sort(sort).limit(page.fetch()).await?;
        Ok(cursor.try_collect().await?)
    }
}

fn place(row: &AuditDocument) -> (i32, i64) {
    let position = row.position.parse::<Position>().ok();
    position.map_or((0, 0), |p| (i32::from(p.partition), p.number as i64))
}
