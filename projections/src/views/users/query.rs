//! Queries of the view `users`.

use bson::doc;
use domain::UserId;

use super::{UserDocument, Users};
use crate::runtime::page::{Page, PageRequest};
use crate::runtime::store::{QueryError, Store};
use crate::runtime::view::View;

impl Store {
    /// Returns a user.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn user(&self, id: &UserId) -> Result<Option<UserDocument>, QueryError> {
        let users = self.serving::<UserDocument>(Users::NAME).await?;
        Ok(users.find_one(doc! {"_id": id.as_str()}).await?)
    }

    /// Returns a page of users, sorted by first sign-in, latest first.
    ///
    /// # Errors
    /// [`QueryError`] if the cursor is invalid or MongoDB does not answer.
    pub async fn users(&self, page: &PageRequest) -> Result<Page<UserDocument>, QueryError> {
        let place = |user: &UserDocument| (user.created_at, user.user_id.to_string());
        self.newest(Users::NAME, doc! {}, page, place).await
    }
}
