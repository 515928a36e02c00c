//! Facts about a customer that rules can refer to.

use std::collections::BTreeMap;

use crate::{AttributeValue, Timestamp};

/// Customer as seen by rules. Amounts are in minor units; canceled and
/// refunded orders are not counted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CustomerFacts {
    /// Full name.
    pub name: Option<String>,
    /// Email address.
    pub email: Option<String>,
    /// Phone number.
    pub phone: Option<String>,
    /// City of residence.
    pub city: Option<String>,
    /// Country of residence.
    pub country: Option<String>,
    /// Labels that the shop assigned.
    pub tags: Vec<String>,
    /// Custom attributes from the shop.
    pub attributes: BTreeMap<String, AttributeValue>,
    /// Time of registration with the shop.
    pub registered_at: Option<Timestamp>,
    /// True if the customer opted out of messages.
    pub unsubscribed: bool,
    /// Sum of all orders, without what was paid back.
    pub total_spend: i64,
    /// Number of orders.
    pub order_count: i64,
    /// Average of `total_spend` per order; `None` without orders.
    pub average_order_value: Option<i64>,
    /// Time of the first order.
    pub first_order_at: Option<Timestamp>,
    /// Time of the last order.
    pub last_order_at: Option<Timestamp>,
    /// Activities by name, in its folded form.
    pub events: BTreeMap<String, ActivityFacts>,
}

/// Facts about one kind of activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ActivityFacts {
    /// Number of occurrences.
    pub count: i64,
    /// Time of the last occurrence.
    pub last_at: Option<Timestamp>,
}
