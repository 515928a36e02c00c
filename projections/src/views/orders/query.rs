//! Queries of the view `orders`.

use bson::{DateTime, doc};
use futures::TryStreamExt;

use super::{OrderDocument, Orders};
use crate::runtime::page::{Page, PageRequest};
use crate::runtime::store::{QueryError, Store};
use crate::runtime::view::View;

impl Store {
    /// Returns a page of orders, newest first, of one customer or of all.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer, or the cursor is invalid.
    pub async fn orders(
        &self,
        customer: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<OrderDocument>, QueryError> {
        let mut filter = doc! {};
        if let Some(customer) = customer {
            filter.insert("customer_id", customer);
        }
        if let Some((millis, id)) = page.after::<(i64, String)>()? {
            let at = DateTime::from_millis(millis);
            let later = vec![
                doc! {"placed_at": {"$lt": at}},
                doc! {"placed_at": at, "_id": {"$gt": id}},
            ];
            filter.insert("$or", later);
        }
        let orders = self.serving::<OrderDocument>(Orders::NAME).await?;
        let cursor = orders
            .find(filter)
            .sort(doc! {"placed_at": -1, "_id": 1})
            .limit(page.fetch())
            .await?;
        let found = cursor.try_collect().await?;
        Ok(page.cut(found, |order: &OrderDocument| {
            let id = format!("{}/{}", order.customer_id, order.order_id);
            (order.placed_at.timestamp_millis(), id)
        }))
    }
}
