//! Queries of the view `orders`.

use bson::{Bson, DateTime, Document, doc};
use eventlog::Log;
use futures::TryStreamExt;

use super::{OrderDocument, Orders, order_document_id};
use crate::runtime::mirror::{ChangedPage, changed_page, recorded_page};
use crate::runtime::page::{Page, PageRequest};
use crate::runtime::store::{QueryError, Store};
use crate::runtime::view::View;

/// Selection of orders. Empty selects all.
#[derive(Debug, Clone, Default)]
pub struct OrderFilter {
    /// Only orders of this customer.
    pub customer: Option<String>,
    /// Only orders with this id, of any customer.
    pub order: Option<String>,
}

impl OrderFilter {
    fn document(&self) -> Document {
        let mut filter = doc! {};
        if let Some(customer) = &self.customer {
            filter.insert("customer_id", customer);
        }
        if let Some(order) = &self.order {
            filter.insert("order_id", order);
        }
        filter
    }
}

impl Store {
    /// Returns a page of orders, newest first. While orders change, pages may
    /// miss or repeat some. Orders that were moved to another customer are left out
    /// there where they were, unless one id is selected.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer, or the cursor is invalid.
    pub async fn orders(
        &self,
        filter: &OrderFilter,
        page: &PageRequest,
    ) -> Result<Page<OrderDocument>, QueryError> {
        let mut filter = match filter.order {
            Some(_) => filter.document(),
            // Where an order is now, it is listed under its other customer.
            None => {
                let mut filter = filter.document();
                filter.insert("moved_to", Bson::Null);
                filter
            }
        };
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
            let id = order_document_id(&order.customer_id, &order.order_id);
            (order.placed_at.timestamp_millis(), id)
        }))
    }

    /// Returns the number of a customer's orders that were moved to another one, or, if
    /// `left_out`, of those instead of which that one kept another order of the same id.
    ///
    /// # Errors
    /// [`QueryError`] if MongoDB does not answer.
    pub async fn count_moved_orders(
        &self,
        customer: &str,
        left_out: bool,
    ) -> Result<u64, QueryError> {
        let orders = self.serving::<OrderDocument>(Orders::NAME).await?;
        let mut filter = doc! {"customer_id": customer, "moved_to": {"$ne": Bson::Null}};
        match left_out {
            true => filter.insert("left_out", true),
            false => filter.insert("left_out", Bson::Null),
        };
        Ok(orders.count_documents(filter).await?)
    }

    /// Returns a page of orders in the order of their first events. Pages miss
    /// and repeat no order that was there at the first one, whatever changes.
    ///
    /// # Errors
    /// As for [`Self::orders`], and if the view must be rebuilt.
    pub async fn orders_as_recorded(
        &self,
        filter: &OrderFilter,
        page: &PageRequest,
    ) -> Result<Page<OrderDocument>, QueryError> {
        recorded_page::<Orders>(self, filter.document(), page).await
    }

    /// Returns a page of orders in the order of their last events. Pages miss
    /// no change, and may repeat an order.
    ///
    /// # Errors
    /// As for [`Self::orders_as_recorded`], and if Redis does not answer.
    pub async fn orders_as_changed(
        &self,
        log: &Log,
        filter: &OrderFilter,
        page: &PageRequest,
    ) -> Result<ChangedPage<OrderDocument>, QueryError> {
        changed_page::<Orders>(self, log, filter.document(), page).await
    }
}
