//! Commands on customers.

use domain::{Customer, CustomerChanges, CustomerError, CustomerId, RecordCustomer, Subject};

use crate::execute::execute_batch;
use crate::run::Outcome;
use crate::{CommandError, Commands, Context};

/// Changes of one customer, as the shop sent them.
#[derive(Debug, Clone)]
pub struct CustomerRecord {
    /// Customer to register or update.
    pub customer: CustomerId,
    /// Changes, field by field.
    pub changes: CustomerChanges,
}

impl Commands {
    /// Registers new customers and updates known ones.
    ///
    /// # Errors
    /// [`CommandError`]; repeating the whole batch is safe.
    pub async fn record_customers(
        &self,
        context: &Context,
        items: Vec<CustomerRecord>,
    ) -> Result<Vec<Result<Outcome, CustomerError>>, CommandError> {
        let commands = items.into_iter().map(|item| {
            let subject = Subject::Customer(item.customer);
            (subject, RecordCustomer(item.changes))
        });
        execute_batch::<Customer>(self, &(), context, commands.collect()).await
    }
}
