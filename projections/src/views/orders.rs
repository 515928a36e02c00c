//! View `orders`: the current state of each order.

use bson::{DateTime, doc};
use domain::{Event, OrderItem, Subject, key_part};
use eventlog::Position;
use futures::TryStreamExt;
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};

use crate::runtime::date::date;
use crate::runtime::page::{Page, PageRequest};
use crate::runtime::recorded::Recorded;
use crate::runtime::store::{QueryError, Store};
use crate::runtime::view::{FoldError, View};

/// The view `orders`: one document per order, with the id that
/// [`order_document_id`] returns.
pub struct Orders;

/// Current state of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderDocument {
    /// Id of the order, unique within its customer.
    pub order_id: String,
    /// Id of the customer.
    pub customer_id: String,
    /// Amount in minor units of the currency.
    pub amount: i64,
    /// Part of the amount that was paid back.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refunded_amount: i64,
    /// ISO 4217 currency code.
    pub currency: String,
    /// Time at which the order was placed.
    pub placed_at: DateTime,
    /// Status: `placed`, `cancelled` or `refunded`.
    pub status: String,
    /// Line items.
    #[serde(default)]
    pub items: Vec<OrderItem>,
    /// Time at which the last change was recorded.
    pub updated_at: DateTime,
}

fn is_zero(amount: &i64) -> bool {
    *amount == 0
}

/// Returns the id of an order's document: `customer/order`, each percent-encoded,
/// since ids may contain the `/`.
pub fn order_document_id(customer: &str, order: &str) -> String {
    format!("{}/{}", key_part(customer), key_part(order))
}

impl View for Orders {
    const NAME: &'static str = "orders";
    const PER_AGGREGATE: bool = true;
    type Document = OrderDocument;

    fn document_of(subject: &Subject, _: Position) -> Option<String> {
        match subject {
            Subject::Order(customer, order) => {
                Some(order_document_id(customer.as_str(), order.as_str()))
            }
            _ => None,
        }
    }

    fn fold(_: Option<OrderDocument>, event: &Recorded) -> Result<OrderDocument, FoldError> {
        let (Subject::Order(customer, order), Event::Order(happened)) =
            (&event.subject, &event.event)
        else {
            return Err(FoldError(format!("{} is not an order", event.subject)));
        };
        let content = happened.content().clone();
        Ok(OrderDocument {
            order_id: order.as_str().to_owned(),
            customer_id: customer.as_str().to_owned(),
            amount: content.amount.minor(),
            refunded_amount: content.refunded_amount.minor(),
            currency: content.currency.code().to_owned(),
            placed_at: date(content.placed_at),
            status: content.status.as_str().to_owned(),
            items: content.items,
            updated_at: date(event.metadata.at),
        })
    }

    fn indexes() -> Vec<IndexModel> {
        let by_customer = doc! {"customer_id": 1, "placed_at": -1, "_id": 1};
        let newest = doc! {"placed_at": -1, "_id": 1};
        [by_customer, newest]
            .map(|keys| IndexModel::builder().keys(keys).build())
            .into()
    }
}

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
            let id = order_document_id(&order.customer_id, &order.order_id);
            (order.placed_at.timestamp_millis(), id)
        }))
    }
}
