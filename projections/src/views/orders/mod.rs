//! View `orders`: the current state of each order.

mod query;

use bson::{DateTime, doc};
use domain::{Event, OrderContent, OrderItem, Subject};
use eventlog::Position;
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};

use crate::runtime::date::date;
use crate::runtime::recorded::Recorded;
use crate::runtime::view::{FoldError, View};

/// The view `orders`: one document per order, with the id `customer/order`.
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

impl View for Orders {
    const NAME: &'static str = "orders";
    const PER_AGGREGATE: bool = true;
    type Document = OrderDocument;

    fn document_of(subject: &Subject, _: Position) -> Option<String> {
        match subject {
            Subject::Order(customer, order) => Some(format!("{customer}/{order}")),
            _ => None,
        }
    }

    fn fold(_: Option<OrderDocument>, event: &Recorded) -> Result<OrderDocument, FoldError> {
        match (&event.subject, &event.event) {
            (Subject::Order(customer, order), Event::Order(order_event)) => {
                let content = order_event.content().clone();
                let recorded = date(event.metadata.at);
                let ids = (order.as_str(), customer.as_str());
                Ok(document(ids, content, recorded))
            }
            _ => Err(FoldError(format!("{} is not an order", event.subject))),
        }
    }

    fn indexes() -> Vec<IndexModel> {
        let by_customer = doc! {"customer_id": 1, "placed_at": -1, "_id": 1};
        let newest = doc! {"placed_at": -1, "_id": 1};
        [by_customer, newest]
            .map(|keys| IndexModel::builder().keys(keys).build())
            .into()
    }
}

fn document(
    (order, customer): (&str, &str),
    content: OrderContent,
    recorded: DateTime,
) -> OrderDocument {
    OrderDocument {
        order_id: order.to_owned(),
        customer_id: customer.to_owned(),
        amount: content.amount.minor(),
        currency: content.currency.code().to_owned(),
        placed_at: date(content.placed_at),
        status: content.status.as_str().to_owned(),
        items: content.items,
        updated_at: recorded,
    }
}
