//! View `orders`: the current state of each order.

mod query;

use bson::{DateTime, doc};
use domain::{Event, Move, OrderEvent, OrderItem, Subject, key_part};
use eventlog::Position;
use mongodb::IndexModel;
use serde::{Deserialize, Serialize};

pub use query::OrderFilter;

use crate::runtime::date::date;
use crate::runtime::mirror::{Mirrored, MirroredView};
use crate::runtime::recorded::Recorded;
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
    /// Time at which the source last changed the order, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_updated_at: Option<DateTime>,
    /// Customer who has the order now, if it was moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_to: Option<String>,
    /// Whether that customer has another order of this id, which was kept instead.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left_out: bool,
    /// Number of the order's first event in its partition.
    #[serde(default)]
    pub recorded: i64,
    /// Number of its last event, if that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<i64>,
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
    /// Version 2 added the numbers of the first and the last event; version 3 added
    /// moves.
    const FOLD: i32 = 4;
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

    fn fold(before: Option<OrderDocument>, event: &Recorded) -> Result<OrderDocument, FoldError> {
        let (Subject::Order(customer, order), Event::Order(happened)) =
            (&event.subject, &event.event)
        else {
            return Err(FoldError(format!("{} is not an order", event.subject)));
        };
        let content = happened.content().clone();
        let mirrored = before.as_ref().map(Orders::mirrored);
        let mirrored = Mirrored::after(mirrored, event.position);
        let (moved_to, left_out) = match happened {
            OrderEvent::Placed(_) | OrderEvent::Updated { .. } | OrderEvent::Received { .. } => {
                (None, false)
            }
            OrderEvent::Redirected(_) => {
                before.map_or((None, false), |before| (before.moved_to, before.left_out))
            }
            OrderEvent::Moved { to, how, .. } => {
                (Some(to.as_str().to_owned()), *how == Move::LeftOut)
            }
        };
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
            source_updated_at: content.updated_at.map(date),
            moved_to,
            left_out,
            recorded: mirrored.recorded,
            changed: mirrored.changed,
        })
    }

    fn indexes() -> Vec<IndexModel> {
        let by_customer = doc! {"customer_id": 1, "placed_at": -1, "_id": 1};
        let newest = doc! {"placed_at": -1, "_id": 1};
        let by_id = doc! {"order_id": 1};
        let whole = |keys| IndexModel::builder().keys(keys).build();
        let whole = [by_customer, newest, by_id].map(whole);
        whole.into_iter().chain(Mirrored::indexes()).collect()
    }
}

impl MirroredView for Orders {
    fn mirrored(document: &OrderDocument) -> Mirrored {
        Mirrored {
            recorded: document.recorded,
            changed: document.changed,
        }
    }
}
