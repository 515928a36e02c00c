//! Merging customers: the merge itself, and the steps with which everything that
//! was recorded about a merged customer is copied to the other one.
//!
//! Each step can be repeated: a crash between any two of them, or the same step in
//! two processes, ends in the same.

mod orders;

use std::collections::BTreeMap;

use domain::{
    Activity, ActivityCommand, ActivityEvent, ActivityId, AddressChanges, AddressCommand, Change,
    Customer, CustomerChanges, CustomerCommand, CustomerError, CustomerEvent, CustomerId,
    Forwarding, Merges, MergesCommand, MergesError, PlannedMerge, Subject,
};
use eventlog::{Key, Position};

pub use orders::MovedOrders;

use crate::customers::services;
use crate::execute::{execute_batch, execute_one};
use crate::heads::{
    HeadAggregate, Loaded, decode, is_skipped, key_of, load_all, load_one, unreadable,
};
use crate::run::Outcome;
use crate::{CommandError, Commands, Context};

/// Number of attempts to end other merges before one's own.
const ATTEMPTS: usize = 16;

/// Reason why customers are not merged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeRefusal {
    /// A customer would be merged into themselves.
    #[error("a customer cannot be merged into themselves")]
    Itself,
    /// The other customer was merged into this one, directly or through others.
    #[error("{0} was merged into this customer")]
    Cycle(CustomerId),
    /// The customer was merged into another one.
    #[error("the customer was merged into {0}")]
    Merged(CustomerId),
}

/// A merge of a customer into another one, as the customer's events tell.
#[derive(Debug, Clone)]
pub struct Merge {
    /// Customer who was merged.
    pub customer: CustomerId,
    /// The other customer.
    pub into: CustomerId,
    /// Position of the merge. Events before it are copied, later ones forwarded.
    pub at: Position,
    /// Number of the last event that is copied; 0 for none.
    pub forwarded: u64,
    /// Data of the customer at the merge.
    data: CustomerChanges,
}

/// Data of a merged customer that was recorded after the merge.
#[derive(Debug, Clone)]
pub struct LaterData {
    /// Number of its event in the customer's partition.
    pub number: u64,
    /// The data.
    pub changes: CustomerChanges,
    /// Whether it only fills what is empty, since it is data of a third customer from
    /// before that one was merged.
    pub fills: bool,
}

impl Commands {
    /// Merges a customer into another one. What was recorded about the customer is
    /// copied afterwards, by the workers.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn merge_customer(
        &self,
        context: &Context,
        customer: &CustomerId,
        into: &CustomerId,
    ) -> Result<Result<Outcome, MergeRefusal>, CommandError> {
        if customer == into {
            return Ok(Err(MergeRefusal::Itself));
        }
        let merge = PlannedMerge {
            customer: customer.clone(),
            into: into.clone(),
        };
        for _ in 0..ATTEMPTS {
            let plan = MergesCommand::Plan(merge.clone());
            match execute_one::<Merges>(self, context, Subject::Merges, plan).await? {
                Ok(_) => return self.carry_out(context, merge).await,
                // Another process may have died during its merge.
                Err(MergesError::UnderWay(other)) => {
                    let other = self.carry_out(context, other).await?;
                    if let Err(refusal) = other {
                        tracing::debug!(%refusal, "a merge that was under way was not possible");
                    }
                }
            }
        }
        Err(CommandError::Contended(Subject::Merges.to_string()))
    }

    /// Carries out the merge under way, and ends it.
    async fn carry_out(
        &self,
        context: &Context,
        merge: PlannedMerge,
    ) -> Result<Result<Outcome, MergeRefusal>, CommandError> {
        let done = match self.makes_cycle(&merge).await? {
            true => Err(MergeRefusal::Cycle(merge.into.clone())),
            false => {
                let command = CustomerCommand::Merge {
                    into: merge.into.clone(),
                };
                let subject = Subject::Customer(merge.customer.clone());
                match execute_on_customer(self, context, subject, command).await? {
                    Ok(outcome) => Ok(outcome),
                    Err(CustomerError::Merged(other)) => Err(MergeRefusal::Merged(other)),
                    Err(error) => return Err(refused(&merge.customer, &error)),
                }
            }
        };
        let end = MergesCommand::End(merge);
        // Ending a merge is never rejected.
        let _ended = execute_one::<Merges>(self, context, Subject::Merges, end).await?;
        Ok(done)
    }

    /// Returns whether the other customer of a merge was merged into its customer,
    /// directly or through others.
    async fn makes_cycle(&self, merge: &PlannedMerge) -> Result<bool, CommandError> {
        let mut at = merge.into.clone();
        // Only the merge under way changes who is merged into whom, so the chain is
        // finite and stays as it is.
        while let Some(next) = self.customer_head(&at).await?.aggregate.merged_into() {
            if *next == merge.customer {
                return Ok(true);
            }
            at = next.clone();
        }
        Ok(false)
    }

    pub(crate) async fn customer_head(
        &self,
        id: &CustomerId,
    ) -> Result<Loaded<Customer>, CommandError> {
        let key = key_of(&self.log, &Subject::Customer(id.clone()));
        load_one(&self.log, &key).await
    }

    /// Returns the merge of a customer; `None` if the customer is not merged.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn merge_of(&self, customer: &CustomerId) -> Result<Option<Merge>, CommandError> {
        let key = key_of(&self.log, &Subject::Customer(customer.clone()));
        let mut merge: Option<Merge> = None;
        let mut data = CustomerChanges::default();
        for entry in self.log.history(&key).await? {
            let event = match decode::<Customer>(&entry) {
                Ok(event) => event,
                Err(_) if is_skipped(&self.log, entry.position).await? => continue,
                Err(source) => return Err(unreadable(&key, source)),
            };
            match (event, &mut merge) {
                (CustomerEvent::Registered(changes) | CustomerEvent::Updated(changes), None) => {
                    data.extend(changes);
                }
                (CustomerEvent::Absorbed(absorbed), None) => {
                    data.extend(absorbed.changes);
                    match &mut data.tags {
                        Change::Set(tags) => tags.extend(absorbed.tags),
                        tags if !absorbed.tags.is_empty() => *tags = Change::Set(absorbed.tags),
                        Change::Keep | Change::Clear => {}
                    }
                }
                (CustomerEvent::Merged { into }, None) => {
                    merge = Some(Merge {
                        customer: customer.clone(),
                        into,
                        at: entry.position,
                        forwarded: 0,
                        data: std::mem::take(&mut data),
                    });
                }
                (CustomerEvent::Forwarded { up_to }, Some(merge)) => merge.forwarded = up_to,
                _ => {}
            }
        }
        Ok(merge)
    }

    /// Returns whether an operator has skipped an event, which is then not copied.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn is_event_skipped(&self, at: Position) -> Result<bool, CommandError> {
        is_skipped(&self.log, at).await
    }

    /// Gives the other customer of a merge the data from before it.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn take_over_data(
        &self,
        context: &Context,
        merge: &Merge,
    ) -> Result<(), CommandError> {
        let data = LaterData {
            number: merge.at.number,
            changes: merge.data.clone(),
            fills: true,
        };
        self.take_over(context, merge, vec![data]).await
    }

    /// Gives the other customer of a merge data that was recorded after it, in the
    /// order of the log.
    ///
    /// # Errors
    /// As for [`Self::take_over_data`].
    pub async fn forward_data(
        &self,
        context: &Context,
        merge: &Merge,
        data: Vec<LaterData>,
    ) -> Result<(), CommandError> {
        self.take_over(context, merge, data).await
    }

    async fn take_over(
        &self,
        context: &Context,
        merge: &Merge,
        data: Vec<LaterData>,
    ) -> Result<(), CommandError> {
        let key = self.address_key()?;
        let up_to = data
            .iter()
            .map(|data| data.number)
            .max()
            .unwrap_or_default();
        let commands = data.into_iter().map(|data| {
            let LaterData {
                number,
                mut changes,
                fills,
            } = data;
            changes.addresses = AddressChanges::of(&changes.profile, key);
            let forwarding = Forwarding {
                from: merge.customer.clone(),
                up_to: number,
                changes,
                fills,
            };
            let subject = Subject::Customer(merge.into.clone());
            (subject, CustomerCommand::TakeOver(Box::new(forwarding)))
        });
        let commands = commands.collect();
        for done in execute_batch::<Customer>(self, &services(context), context, commands).await? {
            done.map_err(|error| refused(&merge.into, &error))?;
        }
        self.take_off_lists(context, merge, up_to).await
    }

    /// Takes the merged customer off the lists of the addresses that the other one
    /// has too, as far as the opt-outs were taken over. The other one is on them if the
    /// opt-outs count, and decides from now on.
    async fn take_off_lists(
        &self,
        context: &Context,
        merge: &Merge,
        up_to: u64,
    ) -> Result<(), CommandError> {
        let merged = self.customer_head(&merge.customer).await?;
        let into = self.customer_head(&merge.into).await?;
        let shared = merged.aggregate.consent().shared(into.aggregate.consent());
        if shared.is_empty() {
            return Ok(());
        }
        // An opt-out is decided on the version before its event.
        let key = key_of(&self.log, &Subject::Customer(merge.customer.clone()));
        let history = self.log.history(&key).await?;
        let taken_over = history
            .iter()
            .filter(|entry| entry.position.number <= up_to);
        let Some(version) = taken_over.count().checked_sub(1) else {
            return Ok(());
        };
        let off = shared.into_iter().map(|id| {
            let customer = merge.customer.clone();
            let version = version as u64;
            (id, AddressCommand::Resubscribe { customer, version })
        });
        // Commands on addresses are never rejected.
        self.execute_on_addresses(context, off.collect())
            .await
            .map(drop)
    }

    /// Returns the last events of aggregates, given their numbers.
    pub(crate) async fn last_events<A: HeadAggregate>(
        &self,
        subjects: impl Iterator<Item = Subject>,
        numbers: impl Iterator<Item = u64>,
    ) -> Result<Vec<A::Event>, CommandError> {
        let keys: Vec<Key> = subjects
            .map(|subject| key_of(&self.log, &subject))
            .collect();
        let positions = keys.iter().zip(numbers).map(|(key, number)| Position {
            partition: key.partition,
            number,
        });
        let entries = self.log.entries(&positions.collect::<Vec<_>>()).await?;
        let mut events = Vec::with_capacity(keys.len());
        for (key, entry) in keys.iter().zip(entries) {
            let entry = entry.ok_or_else(|| CommandError::Contended(key.to_string()))?;
            events.push(decode::<A>(&entry).map_err(|source| unreadable(key, source))?);
        }
        Ok(events)
    }

    /// Copies activities of a merged customer to the other one. The flag of each is true
    /// if the activity was recorded after the merge; it then replaces an activity of the
    /// same id.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn copy_activities(
        &self,
        context: &Context,
        merge: &Merge,
        activities: BTreeMap<ActivityId, bool>,
    ) -> Result<(), CommandError> {
        let here = |id: &ActivityId| Subject::Activity(merge.customer.clone(), id.clone());
        let heads = load_all::<Activity>(&self.log, activities.keys().map(here)).await?;
        let last = heads.iter().map(|head| head.last);
        let events = self
            .last_events::<Activity>(activities.keys().map(here), last)
            .await?;
        let commands = activities.into_iter().zip(events);
        let commands = commands.map(|((id, replaces), event): (_, ActivityEvent)| {
            let subject = Subject::Activity(merge.into.clone(), id);
            let command = ActivityCommand::Receive {
                content: event.content().clone(),
                from: merge.customer.clone(),
                replaces,
            };
            (subject, command)
        });
        let commands = commands.collect();
        for done in execute_batch::<Activity>(self, &(), context, commands).await? {
            done.map_err(|error| refused(&merge.into, &error))?;
        }
        Ok(())
    }

    /// Records that everything about a merged customer up to an event is copied.
    ///
    /// # Errors
    /// [`CommandError`]; repeating is safe.
    pub async fn record_forwarded(
        &self,
        context: &Context,
        merge: &Merge,
        up_to: u64,
    ) -> Result<(), CommandError> {
        let subject = Subject::Customer(merge.customer.clone());
        let command = CustomerCommand::Forwarded { up_to };
        let done = execute_on_customer(self, context, subject, command).await?;
        done.map(drop)
            .map_err(|error| refused(&merge.customer, &error))
    }
}

async fn execute_on_customer(
    on: &Commands,
    context: &Context,
    subject: Subject,
    command: CustomerCommand,
) -> Result<Result<Outcome, CustomerError>, CommandError> {
    let name = subject.to_string();
    let commands = vec![(subject, command)];
    let mut done = execute_batch::<Customer>(on, &services(context), context, commands).await?;
    // One command has one result.
    done.pop().ok_or(CommandError::Contended(name))
}

/// Returns the error for a command that no rule should reject, since its data was
/// accepted before.
fn refused(customer: &CustomerId, error: &impl std::fmt::Display) -> CommandError {
    CommandError::Refused {
        key: Subject::Customer(customer.clone()).to_string(),
        reason: error.to_string(),
    }
}
