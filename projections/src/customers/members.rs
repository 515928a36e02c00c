//! Who matches rules.

use std::time::Duration;

use bson::{RawDocumentBuf, doc};
use domain::Timestamp;
use domain::rules::Rules;
use futures::TryStreamExt;
use mongodb::Cursor;
use mongodb::error::Error;

use super::filter::filter;
use super::query::identified;
use super::{CustomerDocument, Customers};
use crate::view::View;
use crate::{Page, PageError, PageRequest, QueryError, Store};

/// The longest that MongoDB may look for a page.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where a page of members begins: the instant that the relative dates of all
/// pages are worked out for, in milliseconds, and the last customer of the
/// page before.
type Place = (i64, String);

impl Store {
    /// Who matches the rules, by id. Relative dates are worked out for `now`
    /// on the first page, and for the same instant on those after it.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn members(
        &self,
        rules: &Rules,
        now: Timestamp,
        page: &PageRequest,
    ) -> Result<Page<(String, CustomerDocument)>, QueryError> {
        let after = page.after::<Place>()?;
        let as_of = match &after {
            Some((millis, _)) => Timestamp::from_millis(*millis).map_err(|_| PageError)?,
            None => now,
        };
        let mut parts = vec![filter(&rules.at(as_of))];
        parts.extend(after.map(|(_, id)| doc! {"_id": {"$gt": id}}));
        let customers = self.serving::<RawDocumentBuf>(Customers::NAME).await?;
        let find = customers.find(doc! {"$and": parts}).max_time(PATIENCE);
        let cursor = find.sort(doc! {"_id": 1}).limit(page.fetch()).await?;
        Ok(page.cut(read(cursor).await?, |(id, _)| (as_of.millis(), id.clone())))
    }
}

pub(super) async fn read(
    cursor: Cursor<RawDocumentBuf>,
) -> Result<Vec<(String, CustomerDocument)>, Error> {
    cursor
        .and_then(async |raw| identified(&raw))
        .try_collect()
        .await
}
