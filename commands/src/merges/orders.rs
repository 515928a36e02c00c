//! Moving the orders of a merged customer.

use domain::{
    CustomerId, Move, Order, OrderCommand, OrderContent, OrderId, OrderServices, Subject,
};

use super::Merge;
use crate::execute::execute_batch;
use crate::heads::{Loaded, load_all};
use crate::{CommandError, Commands, Context};

/// Number of attempts to move orders that keep changing.
const ATTEMPTS: usize = 16;

/// Number of orders that a step moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MovedOrders {
    /// Orders that the other customer got.
    pub moved: usize,
    /// Orders for which the other customer has one with the same id, and keeps it.
    pub kept: usize,
}

/// An order that is to be moved, and its current content.
struct Moving {
    order: OrderId,
    content: OrderContent,
    place: Place,
}

/// State of the target customer's order with the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing, or an order that was moved on to somebody else.
    Free,
    /// This order.
    Filled,
    /// Another order, which is kept.
    Taken,
}

impl Commands {
    /// Moves orders of a merged customer to the other one, as far as they are not
    /// there. An order whose id the other customer has used stays away: that one is
    /// kept. An order that has moved on alone in the meantime leaves the other customer
    /// too.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn move_orders(
        &self,
        context: &Context,
        merge: &Merge,
        orders: Vec<OrderId>,
    ) -> Result<MovedOrders, CommandError> {
        let mut counts = MovedOrders::default();
        let astray = self.orders_astray(merge, &orders).await?;
        self.execute_on_orders(context, astray).await?;
        for _ in 0..ATTEMPTS {
            let moving = self.orders_to_move(merge, &orders).await?;
            if moving.is_empty() {
                return Ok(counts);
            }
            let arriving = moving.iter().filter_map(|one| {
                let content = one.content.clone();
                let command = match one.place {
                    Place::Taken => return None,
                    Place::Filled => OrderCommand::Record(content),
                    Place::Free => OrderCommand::Receive {
                        content,
                        from: merge.customer.clone(),
                        replaces: false,
                    },
                };
                Some((
                    Subject::Order(merge.into.clone(), one.order.clone()),
                    command,
                ))
            });
            let arriving: Vec<_> = arriving.collect();
            counts.kept += moving.len() - arriving.len();
            counts.moved += arriving.len();
            self.execute_on_orders(context, arriving).await?;
            let leaving = moving.into_iter().map(|one| {
                let subject = Subject::Order(merge.customer.clone(), one.order);
                let command = OrderCommand::Move {
                    content: one.content,
                    to: merge.into.clone(),
                    how: match one.place {
                        Place::Taken => Move::LeftOut,
                        Place::Free | Place::Filled => Move::WithCustomer,
                    },
                };
                (subject, command)
            });
            self.execute_on_orders(context, leaving.collect()).await?;
        }
        Err(CommandError::Contended(merge.customer.to_string()))
    }

    /// Returns the commands that move orders on which the other customer has from the
    /// merged one, although they moved from there to somebody else. That was while they
    /// were copied.
    async fn orders_astray(
        &self,
        merge: &Merge,
        orders: &[OrderId],
    ) -> Result<Vec<(Subject, OrderCommand)>, CommandError> {
        let here = orders
            .iter()
            .map(|order| Subject::Order(merge.customer.clone(), order.clone()));
        let here = load_all::<Order>(&self.log, here).await?;
        let left = orders.iter().zip(here);
        let left = left.filter(|(_, head)| head.aggregate.is_moved_alone());
        let mut astray = Vec::new();
        for (order, _) in left {
            let source = self.received_from(&merge.into, order).await?;
            if source.as_ref() != Some(&merge.customer) {
                continue;
            }
            let Some(to) = self.moved_on_to(&merge.customer, order).await? else {
                continue;
            };
            if to == merge.into {
                continue;
            }
            let head = self.order_head(&merge.into, order).await?;
            let subject = Subject::Order(merge.into.clone(), order.clone());
            let last =
                self.last_events::<Order>([subject.clone()].into_iter(), [head.last].into_iter());
            if let Some(event) = last.await?.pop() {
                let command = OrderCommand::Move {
                    content: event.content().clone(),
                    to,
                    how: Move::Alone,
                };
                astray.push((subject, command));
            }
        }
        Ok(astray)
    }

    /// Returns those of the merged customer's orders that are not where they are to
    /// be.
    async fn orders_to_move(
        &self,
        merge: &Merge,
        orders: &[OrderId],
    ) -> Result<Vec<Moving>, CommandError> {
        let of = |customer: &CustomerId, order: &OrderId| {
            Subject::Order(customer.clone(), order.clone())
        };
        let here = orders.iter().map(|order| of(&merge.customer, order));
        let here = load_all::<Order>(&self.log, here).await?;
        let to_move: Vec<(&OrderId, Loaded<Order>)> = orders
            .iter()
            .zip(here)
            .filter(|(_, head)| head.aggregate.is_to_move())
            .collect();
        let subjects = to_move.iter().map(|(order, _)| of(&merge.customer, order));
        let contents = self
            .last_events::<Order>(subjects, to_move.iter().map(|(_, head)| head.last))
            .await?;
        let there = to_move.iter().map(|(order, _)| of(&merge.into, order));
        let there = load_all::<Order>(&self.log, there).await?;
        let mut moving = Vec::with_capacity(to_move.len());
        for (((order, _), event), head) in to_move.into_iter().zip(contents).zip(there) {
            let place = self.place(merge, order, &head.aggregate).await?;
            moving.push(Moving {
                order: order.clone(),
                content: event.content().clone(),
                place,
            });
        }
        Ok(moving)
    }

    /// Returns what the other customer of a merge has under an order's id. `there` is
    /// the state of the other customer's order.
    async fn place(
        &self,
        merge: &Merge,
        order: &OrderId,
        there: &Order,
    ) -> Result<Place, CommandError> {
        if !there.is_recorded() || there.is_moved_alone() {
            return Ok(Place::Free);
        }
        if self.received_from(&merge.into, order).await?.as_ref() == Some(&merge.customer) {
            return Ok(Place::Filled);
        }
        Ok(match self.has_order(&merge.into, order).await? {
            true => Place::Taken,
            false => Place::Free,
        })
    }

    /// Returns whether a customer has an order, or the one into whom the customer was
    /// merged.
    async fn has_order(
        &self,
        customer: &CustomerId,
        order: &OrderId,
    ) -> Result<bool, CommandError> {
        let mut at = customer.clone();
        // Merges make no cycle, so the chain is finite.
        loop {
            let head = self.order_head(&at, order).await?;
            if !head.aggregate.is_recorded() || head.aggregate.is_moved_alone() {
                return Ok(false);
            }
            if !head.aggregate.is_moved_with_customer() {
                return Ok(true);
            }
            match self.customer_head(&at).await?.aggregate.merged_into() {
                Some(next) => at = next.clone(),
                None => return Ok(true),
            }
        }
    }

    pub(crate) async fn execute_on_orders(
        &self,
        context: &Context,
        commands: Vec<(Subject, OrderCommand)>,
    ) -> Result<(), CommandError> {
        let services = OrderServices {
            currency: self.currency,
        };
        let keys: Vec<String> = commands.iter().map(|(at, _)| at.to_string()).collect();
        let done = execute_batch::<Order>(self, &services, context, commands).await?;
        for (key, done) in keys.into_iter().zip(done) {
            done.map_err(|error| CommandError::Refused {
                key,
                reason: error.to_string(),
            })?;
        }
        Ok(())
    }
}
