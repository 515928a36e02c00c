//! Queries of the view `api_keys`.

use bson::doc;
use domain::KeyId;

use super::{ApiKeyDocument, ApiKeys};
use crate::runtime::page::{Page, PageRequest};
use crate::runtime::store::{QueryError, Store};
use crate::runtime::view::View;

impl Store {
    /// Returns a key, revoked or not.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn api_key(&self, id: &KeyId) -> Result<Option<ApiKeyDocument>, QueryError> {
        let keys = self.serving::<ApiKeyDocument>(ApiKeys::NAME).await?;
        Ok(keys.find_one(doc! {"_id": id.as_str()}).await?)
    }

    /// Returns a page of all keys, newest first.
    ///
    /// # Errors
    /// [`QueryError`] if the cursor is invalid or MongoDB does not answer.
    pub async fn api_keys(&self, page: &PageRequest) -> Result<Page<ApiKeyDocument>, QueryError> {
        let place = |key: &ApiKeyDocument| (key.created_at, key.key_id.to_string());
        self.newest(ApiKeys::NAME, doc! {}, page, place).await
    }
}
