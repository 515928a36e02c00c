//! What an order says.

use serde::{Deserialize, Serialize};

use crate::{Amount, Currency, Text, Timestamp};

/// How many items an order may list.
pub const MAX_ITEMS: usize = 500;

/// Whether an order counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// It does.
    #[default]
    Placed,
    /// It was called off.
    Cancelled,
    /// Its money went back.
    Refunded,
}

impl OrderStatus {
    /// The word used in JSON and in views.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
        }
    }
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderItem {
    /// The shop's article number.
    pub sku: Text<128>,
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text<256>>,
    /// How many, at least 1.
    pub quantity: std::num::NonZeroU32,
    /// The price of one, in minor units of the order's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_amount: Option<Amount>,
}

/// An order's whole content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderContent {
    /// What it was worth, in minor units.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// Whether it counts.
    #[serde(default, skip_serializing_if = "is_placed")]
    pub status: OrderStatus,
    /// Its lines, in the shop's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<OrderItem>,
}

fn is_placed(status: &OrderStatus) -> bool {
    *status == OrderStatus::Placed
}

impl OrderContent {
    /// The part that enters a customer's figures.
    pub fn figures(&self) -> Figures {
        Figures {
            amount: self.amount,
            placed_at: self.placed_at,
            status: self.status,
        }
    }
}

/// What an order adds to its customer's figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Minor units.
    pub amount: Amount,
    /// When.
    pub placed_at: Timestamp,
    /// Only a placed order counts.
    pub status: OrderStatus,
}

impl Figures {
    /// Whether it counts in spend, count, first and last.
    pub fn counts(&self) -> bool {
        self.status == OrderStatus::Placed
    }
}
