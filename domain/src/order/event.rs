//! What happened to an order.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Figures, OrderContent};
use crate::event::{DecodeError, LoggedEvent, from_json, tag_name, tag_version, to_json};

/// What happened to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderEvent {
    /// `order_placed.1`: first heard of.
    Placed(OrderContent),
    /// `order_updated.1`: its content is another now. What it counted for
    /// before travels along, so that a fold can take it back.
    Updated {
        /// The whole new content.
        content: OrderContent,
        /// What it counted for until now.
        previous: Figures,
    },
}

const PLACED: &str = "order_placed.1";
const UPDATED: &str = "order_updated.1";

#[derive(Serialize, Deserialize)]
struct Update<C> {
    content: C,
    previous: Figures,
}

impl OrderEvent {
    /// The order's content after this event.
    pub fn content(&self) -> &OrderContent {
        match self {
            Self::Placed(content) | Self::Updated { content, .. } => content,
        }
    }

    /// What it counted for before this event.
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
            Self::Updated { content, previous } => to_json(&Update {
                content,
                previous: *previous,
            }),
        }
    }

    fn decode(tag: &str, data: &str) -> Result<Self, DecodeError> {
        match tag {
            PLACED => from_json(tag, data).map(Self::Placed),
            UPDATED => from_json(tag, data)
                .map(|Update { content, previous }| Self::Updated { content, previous }),
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
