//! Content of an order.

use serde::{Deserialize, Serialize};

use crate::{Amount, Currency, Text, Timestamp};

/// Maximum number of items of an order.
pub const MAX_ITEMS: usize = 500;

/// Status of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// The order counts toward the customer's figures.
    #[default]
    Placed,
    /// The order was cancelled and does not count.
    Cancelled,
    /// The order was refunded and does not count.
    Refunded,
}

impl OrderStatus {
    /// Returns the name in JSON and in views: `placed`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
        }
    }
}

/// Line item of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderItem {
    /// Article number of the shop.
    pub sku: Text<128>,
    /// Name of the article.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text<256>>,
    /// Quantity, at least 1.
    pub quantity: std::num::NonZeroU32,
    /// Price of one unit, in minor units of the order's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_amount: Option<Amount>,
}

/// Complete content of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderContent {
    /// Total amount, in minor units.
    pub amount: Amount,
    /// Part of the amount that was paid back, at most `amount`. Events of before
    /// this field mean 0.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub refunded_amount: Amount,
    /// Currency of the order.
    pub currency: Currency,
    /// Time at which the order was placed.
    pub placed_at: Timestamp,
    /// Status; only a placed order counts.
    #[serde(default, skip_serializing_if = "is_placed")]
    pub status: OrderStatus,
    /// Line items, in the order given by the shop.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<OrderItem>,
    /// Time at which the source last changed the order, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
}

fn is_placed(status: &OrderStatus) -> bool {
    *status == OrderStatus::Placed
}

impl OrderContent {
    /// Returns the part that counts toward the customer's figures.
    pub fn figures(&self) -> Figures {
        Figures {
            amount: self.amount,
            refunded_amount: self.refunded_amount,
            placed_at: self.placed_at,
            status: self.status,
        }
    }
}

/// Contribution of an order to its customer's figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Total amount, in minor units.
    pub amount: Amount,
    /// Part of the amount that was paid back.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub refunded_amount: Amount,
    /// Time at which the order was placed.
    pub placed_at: Timestamp,
    /// Status; only a placed order counts.
    pub status: OrderStatus,
}

impl Figures {
    /// Returns whether the order counts toward spend, number of orders, and
    /// first and last order.
    pub fn counts(&self) -> bool {
        self.status == OrderStatus::Placed
    }

    /// Returns the amount that counts, in minor units: without what was paid
    /// back. An order that counts is an order even if this is 0.
    pub fn net_amount(&self) -> i64 {
        self.amount.minor() - self.refunded_amount.minor()
    }
}
