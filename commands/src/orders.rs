//! Commands on orders.

use std::collections::HashMap;

use domain::{
    CustomerId, Move, Order, OrderCommand, OrderContent, OrderError, OrderEvent, OrderId,
    OrderServices, Subject,
};
use futures::stream::{self, StreamExt, TryStreamExt};

use crate::execute::execute_batch;
use crate::heads::{Loaded, decode, is_skipped, key_of, load_one, unreadable};
use crate::run::Outcome;
use crate::{CommandError, Commands, Context};

/// Number of moving orders whose places are looked up at the same time.
const CONCURRENT_MOVES: usize = 32;

/// Order of a customer, with its whole content, as the shop sent it.
#[derive(Debug, Clone)]
pub struct OrderRecord {
    /// Customer who placed it.
    pub customer: CustomerId,
    /// Id of the order, unique within the customer.
    pub order: OrderId,
    /// Content of the order.
    pub content: OrderContent,
    /// Another customer under whom the order was recorded before, if it moves.
    pub moved_from: Option<CustomerId>,
}

/// Execution of a move: commands on orders.
struct MovingOrder {
    /// Where the order arrives.
    arrives: (Subject, OrderCommand),
    /// Where it leaves: at the named customer, at those to whom it moved on from there,
    /// and at those from whom merges brought it there, the farthest ones last.
    leaves: Vec<(Subject, OrderCommand)>,
}

impl Commands {
    /// Records new orders and updates known ones. An order that moves from another
    /// customer then no longer counts there. A move with an older version of the order
    /// than the one that the other customer has takes that one along.
    ///
    /// # Errors
    /// [`CommandError`]; repeating the whole batch is safe.
    pub async fn record_orders(
        &self,
        context: &Context,
        items: Vec<OrderRecord>,
    ) -> Result<Vec<Result<Outcome, OrderError>>, CommandError> {
        let services = OrderServices {
            currency: self.currency,
        };
        let moves = items.iter().enumerate();
        let moves = moves.filter(|(_, item)| item.moved_from.is_some());
        let moves: Vec<_> = moves.map(|(index, item)| (index, item.clone())).collect();
        let moves = moves.into_iter().map(|(index, item)| async move {
            let moving = self.moving(item).await?;
            Ok::<_, CommandError>(moving.map(|moving| (index, moving)))
        });
        let moves = stream::iter(moves).buffered(CONCURRENT_MOVES);
        let moves: Vec<Option<(usize, MovingOrder)>> = moves.try_collect().await?;
        let mut moving: HashMap<usize, MovingOrder> = moves.into_iter().flatten().collect();
        // Where an order leaves, and the index of its item.
        let mut leaving = Vec::new();
        let mut commands = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let OrderRecord {
                customer,
                order,
                content,
                ..
            } = item;
            commands.push(match moving.remove(&index) {
                Some(MovingOrder { arrives, leaves }) => {
                    leaving.push((index, leaves));
                    arrives
                }
                None => {
                    let command = OrderCommand::Record(content);
                    (Subject::Order(customer, order), command)
                }
            });
        }
        let results = execute_batch::<Order>(self, &services, context, commands).await?;
        // Only afterwards: an order in both places is found by its id, one in none
        // would be lost.
        leaving.retain(|(index, _)| results[*index].is_ok());
        // The named customer last: from there a repeated request finds the others.
        loop {
            let next = leaving.iter_mut().filter_map(|(_, places)| places.pop());
            let next: Vec<_> = next.collect();
            if next.is_empty() {
                break;
            }
            self.execute_on_orders(context, next).await?;
        }
        Ok(results)
    }

    /// Returns how an order moves; `None` if it does not.
    async fn moving(&self, item: OrderRecord) -> Result<Option<MovingOrder>, CommandError> {
        let Some(from) = &item.moved_from else {
            return Ok(None);
        };
        let (order, to) = (&item.order, &item.customer);
        let mut places = vec![from.clone()];
        // Its customer may have been merged into this one before all was copied.
        let mut at = from.clone();
        while let Some(source) = self.received_from(&at, order).await? {
            let there = self.order_head(&source, order).await?.aggregate;
            let is_there = there.is_recorded() && !there.is_moved_alone();
            if source == *to || places.contains(&source) || !is_there {
                break;
            }
            places.push(source.clone());
            at = source;
        }
        let mut newest = from.clone();
        while let Some(next) = self.moved_on_to(&newest, order).await? {
            let is_there = self.received_from(&next, order).await?.as_ref() == Some(&newest);
            if next == *to || places.contains(&next) || !is_there {
                break;
            }
            places.push(next.clone());
            newest = next;
        }
        let there = self.order_head(to, order).await?.aggregate;
        let is_there = there.is_recorded() && !there.is_moved_alone();
        let end = self.end_of_merges(&newest).await?;
        if end == self.end_of_merges(to).await? {
            // Between customers of one merge its follower moves everything.
            let content = item.content;
            let (at, command) = if *to != end {
                (newest, OrderCommand::Record(content))
            } else if is_there {
                (end, OrderCommand::Record(content))
            } else {
                let command = OrderCommand::Receive {
                    content,
                    from: from.clone(),
                    replaces: true,
                };
                (end, command)
            };
            return Ok(Some(MovingOrder {
                arrives: (Subject::Order(at, order.clone()), command),
                leaves: Vec::new(),
            }));
        }
        let content = item.content;
        let command = OrderCommand::Record(content.clone());
        // A move from before a later one is stale as it is, and moves nothing.
        let is_late = !is_there && there.is_stale(&command);
        if is_late {
            places.clear();
        }
        let head = self.order_head(&newest, order).await?;
        let is_behind = head.aggregate.is_stale(&command) && !is_late;
        let content = match is_behind {
            false => content,
            true => {
                let subject = Subject::Order(newest, order.clone());
                let last =
                    self.last_events::<Order>([subject].into_iter(), [head.last].into_iter());
                let last = last.await?.pop();
                last.map_or(content, |event| event.content().clone())
            }
        };
        let leave = |place| {
            let command = OrderCommand::Move {
                content: content.clone(),
                to: to.clone(),
                how: Move::Alone,
            };
            (Subject::Order(place, order.clone()), command)
        };
        let leaves = places.into_iter().map(leave).collect();
        let command = OrderCommand::Receive {
            content: content.clone(),
            from: from.clone(),
            replaces: true,
        };
        Ok(Some(MovingOrder {
            arrives: (Subject::Order(to.clone(), order.clone()), command),
            leaves,
        }))
    }

    /// Returns the customer who has everything of a customer: the last one of a chain of
    /// merges.
    async fn end_of_merges(&self, customer: &CustomerId) -> Result<CustomerId, CommandError> {
        let mut at = customer.clone();
        // Merges make no cycle, so the chain is finite.
        while let Some(next) = self.customer_head(&at).await?.aggregate.merged_into() {
            at = next.clone();
        }
        Ok(at)
    }

    pub(crate) async fn order_head(
        &self,
        customer: &CustomerId,
        order: &OrderId,
    ) -> Result<Loaded<Order>, CommandError> {
        let subject = Subject::Order(customer.clone(), order.clone());
        load_one(&self.log, &key_of(&self.log, &subject)).await
    }

    /// Returns the customer to whom a customer's order has moved on, alone or with its
    /// customer; `None` if it has not.
    pub(crate) async fn moved_on_to(
        &self,
        customer: &CustomerId,
        order: &OrderId,
    ) -> Result<Option<CustomerId>, CommandError> {
        let head = self.order_head(customer, order).await?;
        if !head.aggregate.is_moved_alone() {
            let customer = self.customer_head(customer).await?;
            return Ok(customer.aggregate.merged_into().cloned());
        }
        let subject = Subject::Order(customer.clone(), order.clone());
        let last = self.last_events::<Order>([subject].into_iter(), [head.last].into_iter());
        Ok(match last.await?.pop() {
            Some(OrderEvent::Moved { to, .. }) => Some(to),
            _ => None,
        })
    }

    /// Returns the customer from whom a customer's order came last; `None` if it did
    /// not come from another one, or has moved on alone.
    pub(crate) async fn received_from(
        &self,
        customer: &CustomerId,
        order: &OrderId,
    ) -> Result<Option<CustomerId>, CommandError> {
        let head = self.order_head(customer, order).await?;
        if !head.aggregate.is_recorded() || head.aggregate.is_moved_alone() {
            return Ok(None);
        }
        let subject = Subject::Order(customer.clone(), order.clone());
        let key = key_of(&self.log, &subject);
        let mut source = None;
        for entry in self.log.history(&key).await? {
            match decode::<Order>(&entry) {
                Ok(OrderEvent::Received { from, .. }) => source = Some(from),
                Ok(_) => {}
                Err(_) if is_skipped(&self.log, entry.position).await? => {}
                Err(error) => return Err(unreadable(&key, error)),
            }
        }
        Ok(source)
    }
}
