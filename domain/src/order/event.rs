//! Events of orders.

use serde::{Deserialize, Serialize};

use super::{Figures, OrderContent};

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
}

impl OrderEvent {
    /// Returns the order's content after this event.
    pub fn content(&self) -> &OrderContent {
        match self {
            Self::Placed(content) | Self::Updated { content, .. } => content,
        }
    }

    /// Returns the figures that counted before this event, if there were any.
    pub fn previous(&self) -> Option<Figures> {
        match self {
            Self::Placed(_) => None,
            Self::Updated { previous, .. } => Some(*previous),
        }
    }
}
