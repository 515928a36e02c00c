//! Commands on orders.

use domain::{
    CustomerId, Move, Order, OrderCommand, OrderContent, OrderError, OrderId, OrderServices,
    Subject,
};

use crate::execute::execute_batch;
use crate::run::Outcome;
use crate::{CommandError, Commands, Context};

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

impl Commands {
    /// Records new orders and updates known ones. An order that moves from another
    /// customer then no longer counts there.
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
        // Where an order leaves, and the index of its item.
        let mut leaving = Vec::new();
        let mut commands = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let OrderRecord {
                customer,
                order,
                content,
                moved_from,
            } = item;
            let command = match moved_from {
                None => OrderCommand::Record(content),
                Some(from) => {
                    let command = OrderCommand::Move {
                        content: content.clone(),
                        to: customer.clone(),
                        how: Move::Alone,
                    };
                    leaving.push((index, Subject::Order(from.clone(), order.clone()), command));
                    OrderCommand::Receive {
                        content,
                        from,
                        replaces: true,
                    }
                }
            };
            commands.push((Subject::Order(customer, order), command));
        }
        let results = execute_batch::<Order>(self, &services, context, commands).await?;
        // Only afterwards: an order in both places is found by its id, one in none
        // would be lost.
        let moves = leaving
            .into_iter()
            .filter(|(index, ..)| results[*index].is_ok());
        let moves: Vec<_> = moves.map(|(_, from, command)| (from, command)).collect();
        if !moves.is_empty() {
            self.execute_on_orders(context, moves).await?;
        }
        Ok(results)
    }
}
