//! Merges of customers, as far as they are not copied.

use bson::{Document, doc};
use domain::CustomerId;
use futures::TryStreamExt;
use serde::Deserialize;

use super::Customers;
use crate::runtime::store::{QueryError, Store};
use crate::runtime::view::View;

#[derive(Deserialize)]
struct Merged {
    #[serde(rename = "_id")]
    customer: String,
}

impl Store {
    /// Returns up to `limit` merged customers with events that are not copied to the
    /// other customer.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn merges_under_way(&self, limit: usize) -> Result<Vec<CustomerId>, QueryError> {
        let customers = self.serving::<Merged>(Customers::NAME).await?;
        let cursor = customers
            .find(under_way())
            .projection(doc! {"_id": 1})
            .sort(doc! {"merged.open": 1})
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .await?;
        let found: Vec<Merged> = cursor.try_collect().await?;
        // A key that cannot be parsed belongs to no customer.
        let ids = found
            .into_iter()
            .map(|one| CustomerId::try_from(one.customer));
        Ok(ids.flatten().collect())
    }

    /// Returns whether something is still to be copied to this customer from one who
    /// was merged into it.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn is_merging_into(&self, customer: &str) -> Result<bool, QueryError> {
        let customers = self.serving::<Merged>(Customers::NAME).await?;
        let filter = doc! {"$and": [{"merged.into": customer}, under_way()]};
        let found = customers
            .find_one(filter)
            .projection(doc! {"_id": 1})
            .await?;
        Ok(found.is_some())
    }
}

fn under_way() -> Document {
    doc! {"merged.open": {"$exists": true}}
}
