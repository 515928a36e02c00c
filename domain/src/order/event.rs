//! Events of orders.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Figures, OrderContent};
use crate::event::{DecodeError, LoggedEvent, from_json, tag_name, tag_version, to_json};

/// Event of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderEvent {
    /// `order_placed.1`: the order was recorded for the first time.
    Placed(OrderContent),
    /// `order_updated.1`: the content changed. The event also holds what
    /// counted before, so that a fold can subtract it.
    Updated {
        /// Complete new content.
        content: OrderContent,
        /// Figures that counted until now.
        previous: Figures,
    },
}

const PLACED: &str = "order_placed.1";
const UPDATED: &str = "order_updated.1";

#[derive(Serialize, Deserialize)]
struct UpdatedData<C> {
    content: C,
    previous: Figures,
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

impl LoggedEvent for OrderEvent {
    const TAGS: &'static [&'static str] = &[PLACED, UPDATED];

    fn tag(&self) -> &'static str {
        match self {
            Self::Placed(_) => PLACED,
            Self::Updated { .. } => UPDATED,
        }
    }

    fn data(&self) -> Box<RawValue> {
        match self {
            Self::Placed(content) => to_json(content),
            Self::Updated { content, previous } => to_json(&UpdatedData {
                content,
                previous: *previous,
            }),
        }
    }

    fn decode(tag: &str, data: &str) -> Result<Self, DecodeError> {
        match tag {
            PLACED => from_json(tag, data).map(Self::Placed),
            UPDATED => from_json(tag, data)
                .map(|UpdatedData { content, previous }| Self::Updated { content, previous }),
            _ => Err(DecodeError::Unknown(tag.to_owned())),
        }
    }
}

impl DomainEvent for OrderEvent {
    fn event_type(&self) -> String {
        tag_name(self.tag())
    }

    fn event_version(&self) -> String {
        tag_version(self.tag())
    }
}
