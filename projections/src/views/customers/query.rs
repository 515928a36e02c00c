//! Queries of the view `customers`.

use bson::{Document, doc};
use futures::TryStreamExt;
use unicode_normalization::UnicodeNormalization;

use super::filter::{escape, living};
use super::{CustomerDocument, Customers};
use crate::runtime::page::{Page, PageRequest};
use crate::runtime::store::{QueryError, Store};
use crate::runtime::view::View;

impl Store {
    /// Returns a customer; `None` for an unknown id.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn customer(&self, id: &str) -> Result<Option<CustomerDocument>, QueryError> {
        let customers = self.serving::<CustomerDocument>(Customers::NAME).await?;
        Ok(customers.find_one(doc! {"_id": id}).await?)
    }

    /// Returns a page of customers, ordered by id. With `q`, only those whose id,
    /// name or email address starts with `q`, in any case.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer, or the cursor is invalid.
    pub async fn customers(
        &self,
        q: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<(String, CustomerDocument)>, QueryError> {
        let mut filter = doc! {};
        if let Some(q) = q {
            filter.insert("$or", beginnings(q));
        }
        if let Some(after) = page.after::<String>()? {
            filter.insert("_id", doc! {"$gt": after});
        }
        let customers = self
            .serving::<bson::RawDocumentBuf>(Customers::NAME)
            .await?;
        let cursor = customers
            .find(living(filter))
            .sort(doc! {"_id": 1})
            .limit(page.fetch())
            .await?;
        let found: Vec<_> = cursor
            .map_err(QueryError::from)
            .and_then(async |raw| with_id(&raw).map_err(QueryError::from))
            .try_collect()
            .await?;
        Ok(page.cut(found, |(id, _)| id.clone()))
    }
}

/// Returns filters of which one holds for customers with a text that starts with
/// `q`. Ids are composed, other texts are as the shop sent them.
fn beginnings(q: &str) -> Vec<Document> {
    let q = q.to_lowercase();
    let composed: String = q.nfc().collect();
    let other = (composed != q).then_some(composed);
    let texts = std::iter::once(q).chain(other);
    // Anchored and case-sensitive, so that the index on `search` serves it.
    let pattern = |text: String| doc! {"search": {"$regex": format!("^{}", escape(&text))}};
    texts.map(pattern).collect()
}

pub(crate) fn with_id(
    raw: &bson::RawDocumentBuf,
) -> Result<(String, CustomerDocument), mongodb::error::Error> {
    let custom = mongodb::error::Error::custom;
    let id = raw.get_str("_id").map_err(custom)?.to_owned();
    let document = bson::deserialize_from_slice(raw.as_bytes()).map_err(custom)?;
    Ok((id, document))
}
