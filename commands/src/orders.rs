//! Commands on orders.

use domain::{
    CustomerId, Order, OrderContent, OrderError, OrderId, OrderServices, RecordOrder, Subject,
};

use crate::execute::{Outcome, execute};
use crate::{CommandError, Commands, Context};

/// One order as the shop has it.
#[derive(Debug, Clone)]
pub struct OrderItem {
    /// Whose.
    pub customer: CustomerId,
    /// Which of theirs.
    pub order: OrderId,
    /// What it says.
    pub content: OrderContent,
}

impl Commands {
    /// Places orders, or updates them.
    ///
    /// # Errors
    /// [`CommandError`]; repeating all of it is safe.
    pub async fn record_orders(
        &self,
        context: &Context,
        items: Vec<OrderItem>,
    ) -> Result<Vec<Result<Outcome, OrderError>>, CommandError> {
        let services = OrderServices {
            currency: self.currency,
        };
        let commands = items.into_iter().map(|item| {
            let subject = Subject::Order(item.customer, item.order);
            (subject, RecordOrder(item.content))
        });
        execute::<Order>(self, &services, context, commands.collect()).await
    }
}
