//! Commands on customers.

use domain::{
    AddressChanges, Customer, CustomerChanges, CustomerCommand, CustomerError, CustomerId,
    CustomerServices, RecordConsent, Subject,
};

use crate::execute::execute_batch;
use crate::heads::load_all;
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
    /// Returns the number of each customer's last event, 0 for none, in the order
    /// of `ids`.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn customers_seen(&self, ids: &[CustomerId]) -> Result<Vec<u64>, CommandError> {
        let subjects = ids.iter().map(|id| Subject::Customer(id.clone()));
        let loaded = load_all::<Customer>(&self.log, subjects).await?;
        Ok(loaded.into_iter().map(|one| one.last).collect())
    }

    /// Registers new customers and updates known ones.
    ///
    /// # Errors
    /// [`CommandError`]; repeating the whole batch is safe.
    pub async fn record_customers(
        &self,
        context: &Context,
        items: Vec<CustomerRecord>,
    ) -> Result<Vec<Result<Outcome, CustomerError>>, CommandError> {
        let key = self.address_key()?;
        let commands = items.into_iter().map(|item| {
            let mut changes = item.changes;
            changes.addresses = AddressChanges::of(&changes.profile, key);
            let command = CustomerCommand::Record(changes);
            (Subject::Customer(item.customer), command)
        });
        execute_batch::<Customer>(self, &services(context), context, commands.collect()).await
    }

    /// Records a consent or an opt-out that a person reports, which lifts an earlier
    /// opt-out. Each call is an event.
    ///
    /// # Errors
    /// [`CommandError`]; repeating it may record it a second time, with the same effect.
    pub async fn record_consent(
        &self,
        context: &Context,
        customer: CustomerId,
        consent: RecordConsent,
    ) -> Result<Result<Outcome, CustomerError>, CommandError> {
        let subject = Subject::Customer(customer);
        let name = subject.to_string();
        let commands = vec![(subject, CustomerCommand::RecordConsent(consent))];
        let services = services(context);
        let outcomes = execute_batch::<Customer>(self, &services, context, commands);
        // One command has one result.
        let outcome = outcomes.await?.pop();
        outcome.ok_or(CommandError::Contended(name))
    }
}

pub(crate) fn services(context: &Context) -> CustomerServices {
    CustomerServices { now: context.now }
}
