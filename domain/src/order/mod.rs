//! Orders: placed, corrected, cancelled, refunded.

mod content;
mod event;
#[cfg(test)]
mod tests;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use content::{Figures, MAX_ITEMS, OrderContent, OrderItem, OrderStatus};
pub use event::OrderEvent;

use crate::digest::digest;
use crate::{Amount, Currency, Timestamp};

/// An order as the shop has it now. Sent again unchanged it is no event; sent
/// with other content it is an update.
#[derive(Debug, Clone)]
pub struct RecordOrder(pub OrderContent);

/// What an order is decided against, beside its own past.
#[derive(Debug, Clone, Copy)]
pub struct OrderServices {
    /// The deployment's one currency.
    pub currency: Currency,
}

/// Why an order is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// Not in the deployment's currency.
    #[error("this store keeps its books in {expected}, the order is in {given}")]
    Currency {
        /// The order's.
        given: Currency,
        /// The deployment's.
        expected: Currency,
    },
}

/// What later orders of the same id are compared with: nothing until it was
/// placed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Order(Option<State>);

/// Figures and a digest of the items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Row", into = "Row")]
struct State(Figures, u64);

/// The short form of [`State`]: amount, milliseconds, letter, digest. Redis
/// holds one of these for every order there ever was, and keeps a head of at
/// most 64 bytes in a third of the space.
#[derive(Serialize, Deserialize)]
struct Row(
    Amount,
    #[serde(with = "crate::time::as_millis")] Timestamp,
    char,
    u64,
);

impl From<State> for Row {
    fn from(State(figures, items): State) -> Self {
        let letter = match figures.status {
            OrderStatus::Placed => 'p',
            OrderStatus::Cancelled => 'c',
            OrderStatus::Refunded => 'r',
        };
        Self(figures.amount, figures.placed_at, letter, items)
    }
}

impl TryFrom<Row> for State {
    type Error = &'static str;

    fn try_from(Row(amount, placed_at, letter, items): Row) -> Result<Self, Self::Error> {
        let status = match letter {
            'p' => OrderStatus::Placed,
            'c' => OrderStatus::Cancelled,
            'r' => OrderStatus::Refunded,
            _ => return Err("not the letter of an order's status"),
        };
        let figures = Figures {
            amount,
            placed_at,
            status,
        };
        Ok(Self(figures, items))
    }
}

impl State {
    fn of(content: &OrderContent) -> Self {
        let items = if content.items.is_empty() {
            0
        } else {
            digest(&content.items)
        };
        Self(content.figures(), items)
    }
}

impl Order {
    /// The event that this content makes, if it makes one.
    ///
    /// # Errors
    /// [`OrderError::Currency`] for an order in another currency than the
    /// deployment's.
    pub fn decide(
        &self,
        content: OrderContent,
        services: OrderServices,
    ) -> Result<Option<OrderEvent>, OrderError> {
        if content.currency != services.currency {
            return Err(OrderError::Currency {
                given: content.currency,
                expected: services.currency,
            });
        }
        Ok(match &self.0 {
            None => Some(OrderEvent::Placed(content)),
            Some(state) if *state == State::of(&content) => None,
            Some(State(previous, _)) => Some(OrderEvent::Updated {
                content,
                previous: *previous,
            }),
        })
    }
}

impl Aggregate for Order {
    const TYPE: &'static str = "order";
    type Command = RecordOrder;
    type Event = OrderEvent;
    type Error = OrderError;
    type Services = OrderServices;

    async fn handle(
        &mut self,
        RecordOrder(content): RecordOrder,
        services: &OrderServices,
        sink: &EventSink<Self>,
    ) -> Result<(), OrderError> {
        if let Some(event) = self.decide(content, *services)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: OrderEvent) {
        self.0 = Some(State::of(event.content()));
    }
}
