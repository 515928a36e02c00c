//! Orders: placed, corrected, cancelled, or refunded.

mod content;
mod event;
mod state;
#[cfg(test)]
mod tests;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use content::{Figures, MAX_ITEMS, OrderContent, OrderItem, OrderStatus};
pub use event::OrderEvent;

use state::OrderState;

use crate::updated_at::is_older;
use crate::{Amount, Currency};

/// Command to record an order. Sending an order again unchanged makes no event;
/// sending it with different content makes an update, unless it is an older
/// version by its `updated_at`.
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

impl Order {
    /// Returns whether the command has an older version of the order than the
    /// recorded one. It then changes nothing.
    pub fn is_stale(&self, RecordOrder(content): &RecordOrder) -> bool {
        let recorded = self.0.as_ref().and_then(|state| state.updated_at);
        is_older(content.updated_at, recorded)
    }

    /// Returns the event that this content makes, if it changes anything. An
    /// older version than the recorded one changes nothing. Content without
    /// `updated_at` leaves the recorded one.
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
        let Some(recorded) = &self.0 else {
            return Ok(Some(OrderEvent::Placed(content)));
        };
        if is_older(content.updated_at, recorded.updated_at) {
            return Ok(None);
        }
        let content = OrderContent {
            updated_at: content.updated_at.or(recorded.updated_at),
            ..content
        };
        // The same content with a later `updated_at` is an update: otherwise, a
        // version in between that arrives afterwards would replace it.
        Ok(
            (*recorded != OrderState::of(&content)).then_some(OrderEvent::Updated {
                content,
                previous: recorded.figures,
            }),
        )
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
