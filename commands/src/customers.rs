//! Commands on customers.

use domain::{Customer, CustomerChanges, CustomerError, CustomerId, RecordCustomer, Subject};

use crate::execute::{Outcome, execute};
use crate::{CommandError, Commands, Context};

/// What the shop says of one customer.
#[derive(Debug, Clone)]
pub struct CustomerItem {
    /// Whom.
    pub customer: CustomerId,
    /// What.
    pub changes: CustomerChanges,
}

impl Commands {
    /// Registers customers, or updates them.
    ///
    /// # Errors
    /// [`CommandError`]; repeating all of it is safe.
    pub async fn record_customers(
        &self,
        context: &Context,
        items: Vec<CustomerItem>,
    ) -> Result<Vec<Result<Outcome, CustomerError>>, CommandError> {
        let commands = items.into_iter().map(|item| {
            let subject = Subject::Customer(item.customer);
            (subject, RecordCustomer(item.changes))
        });
        execute::<Customer>(self, &(), context, commands.collect()).await
    }
}
