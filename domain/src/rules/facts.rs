//! What rules may ask about a customer.

use std::collections::BTreeMap;

use crate::{AttributeValue, Timestamp};

/// A customer as rules see them. Money is in minor units; cancelled and
/// refunded orders do not count.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CustomerFacts {
    /// Their name.
    pub name: Option<String>,
    /// Their e-mail address.
    pub email: Option<String>,
    /// Their telephone number.
    pub phone: Option<String>,
    /// Where they live.
    pub city: Option<String>,
    /// In which country.
    pub country: Option<String>,
    /// Labels.
    pub tags: Vec<String>,
    /// Anything else the shop told.
    pub attributes: BTreeMap<String, AttributeValue>,
    /// Since when they are a customer.
    pub registered_at: Option<Timestamp>,
    /// Whether they want no messages.
    pub unsubscribed: bool,
    /// The sum of their orders.
    pub total_spend: i64,
    /// How many orders.
    pub order_count: i64,
    /// Spend per order.
    pub average_order_value: Option<i64>,
    /// The first order.
    pub first_order_at: Option<Timestamp>,
    /// The last order.
    pub last_order_at: Option<Timestamp>,
    /// Activity by name.
    pub events: BTreeMap<String, ActivityFacts>,
}

/// What is known of one kind of activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ActivityFacts {
    /// How often.
    pub count: i64,
    /// The last time.
    pub last_at: Option<Timestamp>,
}
