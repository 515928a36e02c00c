//! What is asked of API keys.

use bson::doc;
use domain::KeyId;

use super::{ApiKeyDocument, ApiKeys};
use crate::view::View;
use crate::{Page, PageRequest, QueryError, Store};

impl Store {
    /// One key, revoked or not.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn api_key(&self, id: &KeyId) -> Result<Option<ApiKeyDocument>, QueryError> {
        let keys = self.serving::<ApiKeyDocument>(ApiKeys::NAME).await?;
        Ok(keys.find_one(doc! {"_id": id.as_str()}).await?)
    }

    /// All keys, the newest first.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn api_keys(&self, page: &PageRequest) -> Result<Page<ApiKeyDocument>, QueryError> {
        let place = |key: &ApiKeyDocument| (key.created_at, key.key_id.to_string());
        self.newest(ApiKeys::NAME, doc! {}, page, place).await
    }
}
