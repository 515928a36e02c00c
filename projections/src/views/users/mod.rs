//! The view `users`.

mod document;
mod fold;
mod query;
#[cfg(test)]
mod tests;

use bson::doc;
use domain::Subject;
use eventlog::Position;
use mongodb::IndexModel;

pub use document::{GivenRole, SessionDocument, UserDocument};

use crate::runtime::recorded::Recorded;
use crate::runtime::view::{FoldError, View};

/// The view `users`: one document per user that has signed in.
pub struct Users;

impl View for Users {
    const NAME: &'static str = "users";
    type Document = UserDocument;

    fn document_of(subject: &Subject, _: Position) -> Option<String> {
        match subject {
            Subject::User(user) => Some(user.to_string()),
            _ => None,
        }
    }

    fn fold(document: Option<UserDocument>, event: &Recorded) -> Result<UserDocument, FoldError> {
        fold::fold(document, event)
    }

    fn indexes() -> Vec<IndexModel> {
        let newest = doc! {"created_at": -1, "_id": -1};
        vec![IndexModel::builder().keys(newest).build()]
    }
}
