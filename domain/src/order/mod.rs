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
pub use event::{Move, OrderEvent};

use state::{Moved, OrderState};

use crate::updated_at::is_older;
use crate::{Amount, Currency, CustomerId};

/// Commands on orders. A command whose effect is already in place makes no event.
#[derive(Debug, Clone)]
pub enum OrderCommand {
    /// Records an order. Different content than the recorded one makes an update,
    /// unless it is an older version by its `updated_at`.
    Record(OrderContent),
    /// Records an order that is moved here from another customer. One that is
    /// already here keeps its content, or is updated if `replaces`. One that was
    /// moved away comes back.
    Receive {
        /// Complete content.
        content: OrderContent,
        /// Customer under whom the order was recorded.
        from: CustomerId,
        /// True if the content replaces what is recorded here.
        replaces: bool,
    },
    /// Moves an order to another customer, who has it with this content. With its
    /// customer, only if the content is still the recorded one. One that moved
    /// with its customer can move on alone.
    Move {
        /// Content that the other customer has.
        content: OrderContent,
        /// The other customer.
        to: CustomerId,
        /// Reason.
        how: Move,
    },
}

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
    pub fn is_stale(&self, command: &OrderCommand) -> bool {
        let recorded = self.0.as_ref().and_then(|state| state.updated_at);
        match command {
            OrderCommand::Record(content) | OrderCommand::Receive { content, .. } => {
                is_older(content.updated_at, recorded)
            }
            OrderCommand::Move { .. } => false,
        }
    }

    /// Returns whether the order is another customer's, to whom it was moved alone.
    /// Recording it then changes nothing.
    pub fn is_moved_alone(&self) -> bool {
        self.moved() == Some(Moved::Alone)
    }

    /// Returns whether the command is for an order that was moved to another customer
    /// alone, so that it changes nothing.
    pub fn is_left_behind(&self, command: &OrderCommand) -> bool {
        matches!(command, OrderCommand::Record(_)) && self.is_moved_alone()
    }

    /// Returns whether the order went to another customer together with its own.
    pub fn is_moved_with_customer(&self) -> bool {
        matches!(self.moved(), Some(Moved::WithCustomer | Moved::Behind))
    }

    /// Returns whether what was recorded under this customer has to be recorded
    /// where the order is to be after its customer was merged into another.
    pub fn is_to_move(&self) -> bool {
        self.0.is_some() && matches!(self.moved(), None | Some(Moved::Behind))
    }

    /// Returns whether the order was recorded.
    pub fn is_recorded(&self) -> bool {
        self.0.is_some()
    }

    fn moved(&self) -> Option<Moved> {
        self.0.as_ref()?.moved
    }

    /// Returns the event that a command makes, if it makes one.
    ///
    /// # Errors
    /// As for [`Self::decide`].
    pub fn decide_on(
        &self,
        command: OrderCommand,
        services: OrderServices,
    ) -> Result<Option<OrderEvent>, OrderError> {
        match command {
            OrderCommand::Record(content) => self.decide(content, services),
            OrderCommand::Receive {
                content,
                from,
                replaces,
            } => {
                if replaces && self.is_moved_with_customer() {
                    return self.record(content, services, true);
                }
                let recorded = self.0.as_ref().and_then(|state| state.updated_at);
                if replaces && is_older(content.updated_at, recorded) {
                    return Ok(None);
                }
                let here = match self.moved() {
                    Some(_) => &Self::default(),
                    None => self,
                };
                Ok(match here.decide(content, services)? {
                    Some(OrderEvent::Placed(content)) => {
                        Some(OrderEvent::Received { content, from })
                    }
                    event => event.filter(|_| replaces),
                })
            }
            OrderCommand::Move { content, to, how } => {
                OrderError::check_refund(content.amount, content.refunded_amount)?;
                Ok(self.moved_to(content, to, how))
            }
        }
    }

    fn moved_to(&self, content: OrderContent, to: CustomerId, how: Move) -> Option<OrderEvent> {
        let (is_due, previous) = match &self.0 {
            None => (how == Move::Alone, None),
            Some(recorded) => match (recorded.moved, how) {
                (None, Move::Alone) => (true, Some(recorded.figures)),
                (None, Move::WithCustomer | Move::LeftOut) => {
                    (recorded.has(&content), Some(recorded.figures))
                }
                (Some(Moved::Behind), Move::WithCustomer | Move::LeftOut) => {
                    (recorded.has(&content), None)
                }
                (Some(Moved::WithCustomer | Moved::Behind), Move::Alone) => (true, None),
                (Some(Moved::Alone | Moved::WithCustomer), _) => (false, None),
            },
        };
        is_due.then_some(OrderEvent::Moved {
            content,
            to,
            previous,
            how,
        })
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
        self.record(content, services, false)
    }

    /// Decides as [`Self::decide`]. If `follows`, content goes after an order that
    /// moved with its customer even if it is the recorded one, since the order may
    /// have moved on.
    fn record(
        &self,
        content: OrderContent,
        services: OrderServices,
        follows: bool,
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
        if recorded.moved == Some(Moved::Alone) {
            return Ok(None);
        }
        if is_older(content.updated_at, recorded.updated_at) {
            return Ok(None);
        }
        let content = OrderContent {
            updated_at: content.updated_at.or(recorded.updated_at),
            ..content
        };
        // The same content with a later `updated_at` is an update: otherwise, a
        // version in between that arrives afterwards would replace it.
        let follows = follows && recorded.moved == Some(Moved::WithCustomer);
        if recorded.has(&content) && !follows {
            return Ok(None);
        }
        Ok(Some(match recorded.moved {
            Some(_) => OrderEvent::Redirected(content),
            None => OrderEvent::Updated {
                content,
                previous: recorded.figures,
            },
        }))
    }
}

impl Aggregate for Order {
    const TYPE: &'static str = "order";
    type Command = OrderCommand;
    type Event = OrderEvent;
    type Error = OrderError;
    type Services = OrderServices;

    async fn handle(
        &mut self,
        command: OrderCommand,
        services: &OrderServices,
        sink: &EventSink<Self>,
    ) -> Result<(), OrderError> {
        if let Some(event) = self.decide_on(command, *services)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: OrderEvent) {
        let moved = match &event {
            OrderEvent::Placed(_) | OrderEvent::Updated { .. } | OrderEvent::Received { .. } => {
                None
            }
            OrderEvent::Redirected(_) => Some(Moved::Behind),
            OrderEvent::Moved { how, .. } => Some(match how {
                Move::Alone => Moved::Alone,
                Move::WithCustomer | Move::LeftOut => Moved::WithCustomer,
            }),
        };
        self.0 = Some(OrderState {
            moved,
            ..OrderState::of(event.content())
        });
    }
}
