//! Commands on orders.

use domain::{
    CustomerId, Order, OrderContent, OrderError, OrderId, OrderServices, RecordOrder, Subject,
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
}

impl Commands {
    /// Records new orders and updates known ones.
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
        let commands = items.into_iter().map(|item| {
            let subject = Subject::Order(item.customer, item.order);
            (subject, RecordOrder(item.content))
        });
        execute_batch::<Order>(self, &services, context, commands.collect()).await
    }
}
