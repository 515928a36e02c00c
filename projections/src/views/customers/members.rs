//! Members: the customers that match rules, in pages.

use std::time::Duration;

use bson::{RawDocumentBuf, doc};
use domain::Timestamp;
use domain::rules::Rules;
use futures::TryStreamExt;
use mongodb::Cursor;
use mongodb::error::Error;

use super::filter::{filter, living};
use super::query::with_id;
use super::{CustomerDocument, Customers};
use crate::runtime::page::{Page, PageError, PageRequest};
use crate::runtime::store::{QueryError, Store};
use crate::runtime::view::View;

/// Time limit of MongoDB for one page.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// Sort key in a cursor: the instant at which all pages resolve relative dates, in
/// milliseconds, and the last customer of the page before.
type PageStart = (i64, String);

impl Store {
    /// Returns a page of the customers that match the rules, ordered by id.
    /// Relative dates are resolved at `now` for the first page, and at the same
    /// instant for the pages after it.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer or takes too long, or the cursor
    /// is invalid.
    pub async fn members(
        &self,
        rules: &Rules,
        now: Timestamp,
        page: &PageRequest,
    ) -> Result<Page<(String, CustomerDocument)>, QueryError> {
        let after = page.after::<PageStart>()?;
        let as_of = match &after {
            Some((millis, _)) => Timestamp::from_millis(*millis).map_err(|_| PageError)?,
            None => now,
        };
        let mut parts = vec![living(filter(&rules.at(as_of)))];
        parts.extend(after.map(|(_, id)| doc! {"_id": {"$gt": id}}));
        let customers = self.serving::<RawDocumentBuf>(Customers::NAME).await?;
        let find = customers.find(doc! {"$and": parts}).max_time(TIME_LIMIT);
        let cursor = find.sort(doc! {"_id": 1}).limit(page.fetch()).await?;
        Ok(page.cut(read_customers(cursor).await?, |(id, _)| {
            (as_of.millis(), id.clone())
        }))
    }
}

pub(crate) async fn read_customers(
    cursor: Cursor<RawDocumentBuf>,
) -> Result<Vec<(String, CustomerDocument)>, Error> {
    cursor
        .and_then(async |raw| with_id(&raw))
        .try_collect()
        .await
}
