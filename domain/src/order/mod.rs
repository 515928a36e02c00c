//! Orders: placed, corrected, cancelled, or refunded.

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

/// Command to record an order. Sending an order again unchanged makes no event;
/// sending it with different content makes an update.
#[derive(Debug, Clone)]
pub struct RecordOrder(pub OrderContent);

/// Settings that an order is decided against, in addition to its own state.
#[derive(Debug, Clone, Copy)]
pub struct OrderServices {
    /// Currency of the deployment.
    pub currency: Currency,
}

/// Reason why an order is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// The order is not in the deployment's currency.
    #[error("the store's currency is {expected}, but the order is in {given}")]
    Currency {
        /// Currency of the order.
        given: Currency,
        /// Currency of the deployment.
        expected: Currency,
    },
    /// More was paid back than the order's amount.
    #[error("the refunded amount is {refunded}, more than the order's amount of {amount}")]
    Refund {
        /// Refunded amount, in minor units.
        refunded: i64,
        /// Amount of the order, in minor units.
        amount: i64,
    },
}

impl OrderError {
    /// Checks that no more was paid back than the order's amount.
    ///
    /// # Errors
    /// [`OrderError::Refund`] if more was.
    pub fn check_refund(amount: Amount, refunded: Amount) -> Result<(), Self> {
        match refunded <= amount {
            true => Ok(()),
            false => Err(Self::Refund {
                refunded: refunded.minor(),
                amount: amount.minor(),
            }),
        }
    }
}

/// Order aggregate, with which later orders of the same id are compared; empty
/// until the order is placed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Order(Option<OrderState>);

/// Figures of a recorded order, and a digest of its items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "CompactState", into = "CompactState")]
struct OrderState(Figures, u64);

/// Compact form of [`OrderState`]: amount, milliseconds, status letter, digest,
/// and the refunded amount unless it is 0. Redis holds one of these for every
/// order, and stores a head of at most 64 bytes in a third of the space.
#[derive(Serialize, Deserialize)]
struct CompactState(
    Amount,
    #[serde(with = "crate::time::as_millis")] Timestamp,
    char,
    u64,
    #[serde(default, skip_serializing_if = "Amount::is_zero")] Amount,
);

/// Bits of the digest in a head with a refunded amount: fewer, so that the head
/// stays within 64 bytes.
const SHORT_DIGEST: u64 = (1 << 48) - 1;

impl From<OrderState> for CompactState {
    fn from(OrderState(figures, items): OrderState) -> Self {
        let letter = match figures.status {
            OrderStatus::Placed => 'p',
            OrderStatus::Cancelled => 'c',
            OrderStatus::Refunded => 'r',
        };
        Self(
            figures.amount,
            figures.placed_at,
            letter,
            items,
            figures.refunded_amount,
        )
    }
}

impl TryFrom<CompactState> for OrderState {
    type Error = &'static str;

    fn try_from(
        CompactState(amount, placed_at, letter, items, refunded_amount): CompactState,
    ) -> Result<Self, Self::Error> {
        let status = match letter {
            'p' => OrderStatus::Placed,
            'c' => OrderStatus::Cancelled,
            'r' => OrderStatus::Refunded,
            _ => return Err("not the letter of an order's status"),
        };
        let figures = Figures {
            amount,
            refunded_amount,
            placed_at,
            status,
        };
        Ok(Self(figures, items))
    }
}

impl OrderState {
    fn of(content: &OrderContent) -> Self {
        let items = if content.items.is_empty() {
            0
        } else if content.refunded_amount.is_zero() {
            digest(&content.items)
        } else {
            digest(&content.items) & SHORT_DIGEST
        };
        Self(content.figures(), items)
    }
}

impl Order {
    /// Returns the event that this content makes, if it changes anything.
    ///
    /// # Errors
    /// [`OrderError::Currency`] for an order in a currency other than the
    /// deployment's, [`OrderError::Refund`] for one of which more was paid back
    /// than its amount.
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
        OrderError::check_refund(content.amount, content.refunded_amount)?;
        Ok(match &self.0 {
            None => Some(OrderEvent::Placed(content)),
            Some(state) if *state == OrderState::of(&content) => None,
            Some(OrderState(previous, _)) => Some(OrderEvent::Updated {
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
        self.0 = Some(OrderState::of(event.content()));
    }
}
