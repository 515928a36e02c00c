//! Events of orders.

use serde::{Deserialize, Serialize};

use super::{Figures, OrderContent};
use crate::CustomerId;

/// Event of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderEvent {
    /// The order was recorded for the first time.
    #[serde(rename = "order_placed.1")]
    Placed(OrderContent),
    /// The content changed. The event also holds what counted before, so that a
    /// fold can subtract it.
    #[serde(rename = "order_updated.1")]
    Updated {
        /// Complete new content.
        content: OrderContent,
        /// Figures that counted until now.
        previous: Figures,
    },
    /// The order was moved here from another customer, where it no longer counts.
    #[serde(rename = "order_received.1")]
    Received {
        /// Complete content.
        content: OrderContent,
        /// Customer under whom the order was recorded.
        from: CustomerId,
    },
    /// The content was sent under the customer from whom the order was moved. It
    /// counts for nobody until it is recorded where the order is now.
    #[serde(rename = "order_redirected.1")]
    Redirected(OrderContent),
    /// The order was moved to another customer, and no longer counts here.
    #[serde(rename = "order_moved.1")]
    Moved {
        /// Content with which it was moved.
        content: OrderContent,
        /// Customer who has the order now.
        to: CustomerId,
        /// Figures that counted until now, if any did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<Figures>,
        /// Reason.
        how: Move,
    },
}

/// Reason why an order was moved to another customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Move {
    /// The shop said that this order belongs to the other customer. What it sends
    /// under the old one later changes nothing.
    Alone,
    /// The customer was merged into the other one. What the shop sends under the
    /// old one later is recorded there.
    WithCustomer,
    /// The customer was merged into the other one, who has another order of this id.
    /// That one is kept, and this one counts for nobody.
    LeftOut,
}

impl OrderEvent {
    /// Returns the order's content after this event.
    pub fn content(&self) -> &OrderContent {
        match self {
            Self::Placed(content)
            | Self::Updated { content, .. }
            | Self::Received { content, .. }
            | Self::Redirected(content)
            | Self::Moved { content, .. } => content,
        }
    }

    /// Returns the figures that counted before this event, if there were any.
    pub fn previous(&self) -> Option<Figures> {
        match self {
            Self::Placed(_) | Self::Received { .. } | Self::Redirected(_) => None,
            Self::Updated { previous, .. } => Some(*previous),
            Self::Moved { previous, .. } => *previous,
        }
    }

    /// Returns the figures that count after this event; `None` if the order is
    /// another customer's.
    pub fn figures(&self) -> Option<Figures> {
        match self {
            Self::Placed(content)
            | Self::Updated { content, .. }
            | Self::Received { content, .. } => Some(content.figures()),
            Self::Redirected(_) | Self::Moved { .. } => None,
        }
    }
}
