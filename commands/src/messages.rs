//! Commands on messages.

use domain::{
    Address, AddressId, Customer, Message, MessageCommand, MessageContent, MessageError,
    MessageEvent, MessageId, Subject,
};
use futures::future::try_join3;

use crate::execute::{execute_batch, execute_batch_on};
use crate::heads::{decode, load_all, unreadable};
use crate::run::Outcome;
use crate::{CommandError, Commands, Context};

/// State of a message, its customer and its address, from their heads.
#[derive(Debug, Clone)]
pub struct MessageHeads {
    /// State of the message.
    pub message: Message,
    /// True if the customer opted out, or the customer that this one was merged into.
    pub has_opted_out: bool,
    /// Number of the customer's last event; 0 if there is none.
    pub customer_seen: u64,
    /// State of the address that the message goes to.
    pub address: Address,
}

impl Commands {
    /// Executes commands on messages, each independently.
    ///
    /// # Errors
    /// [`CommandError`]; repeating the whole batch is safe.
    pub async fn execute_on_messages(
        &self,
        context: &Context,
        commands: Vec<(MessageId, MessageCommand)>,
    ) -> Result<Vec<Result<Outcome, MessageError>>, CommandError> {
        execute_batch::<Message>(self, &(), context, subjects(commands)).await
    }

    /// Executes commands on messages that most likely do not exist yet, each
    /// independently. Their heads are not read first.
    ///
    /// # Errors
    /// As for [`Self::execute_on_messages`].
    pub async fn execute_on_new_messages(
        &self,
        context: &Context,
        commands: Vec<(MessageId, MessageCommand)>,
    ) -> Result<Vec<Result<Outcome, MessageError>>, CommandError> {
        execute_batch_on::<Message>(self, &(), context, subjects(commands), true).await
    }

    /// Returns the current state of messages from their heads, in the order of
    /// `ids`.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn messages(&self, ids: &[MessageId]) -> Result<Vec<Message>, CommandError> {
        let loaded = load_all::<Message>(&self.log, ids.iter().map(subject)).await?;
        Ok(loaded
            .into_iter()
            .map(|message| message.aggregate)
            .collect())
    }

    /// Returns the recorded content of a message; `None` if it was never
    /// queued.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn queued_content(
        &self,
        id: &MessageId,
    ) -> Result<Option<MessageContent>, CommandError> {
        let subject = subject(id);
        let key = self.log.layout().key(subject.to_string(), subject.route());
        for entry in self.log.history(&key).await?.iter().rev() {
            let event = decode::<Message>(entry).map_err(|source| unreadable(&key, source))?;
            if let MessageEvent::Queued(content) = event {
                return Ok(Some(content));
            }
        }
        Ok(None)
    }

    /// Returns messages, their customers and the addresses that they go to, from
    /// their heads, in the order of `messages`. Reads all partitions concurrently.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn message_heads(
        &self,
        messages: &[(MessageId, AddressId)],
    ) -> Result<Vec<MessageHeads>, CommandError> {
        let ids = messages.iter().map(|(id, _)| id);
        let customers = ids.clone().map(|id| Subject::Customer(id.customer.clone()));
        let addresses = messages.iter().map(|(_, at)| Subject::Address(*at));
        let (messages, customers, addresses) = try_join3(
            load_all::<Message>(&self.log, ids.map(subject)),
            load_all::<Customer>(&self.log, customers),
            load_all::<Address>(&self.log, addresses),
        )
        .await?;
        let mut has_opted_out = Vec::with_capacity(customers.len());
        for customer in &customers {
            has_opted_out.push(self.has_opted_out(&customer.aggregate).await?);
        }
        let heads = messages.into_iter().zip(customers).zip(addresses);
        let heads = heads.zip(has_opted_out);
        Ok(heads
            .map(
                |(((message, customer), address), has_opted_out)| MessageHeads {
                    message: message.aggregate,
                    has_opted_out,
                    customer_seen: customer.last,
                    address: address.aggregate,
                },
            )
            .collect())
    }

    /// Returns whether a customer opted out, or one of those into whom the customer was
    /// merged. Reads further heads of merged customers alone, who are few.
    async fn has_opted_out(&self, customer: &Customer) -> Result<bool, CommandError> {
        let mut at = customer.clone();
        while !at.is_unsubscribed() {
            let Some(next) = at.merged_into() else {
                return Ok(false);
            };
            let next = self.customer_head(next).await?;
            at = next.aggregate;
        }
        Ok(true)
    }
}

fn subject(id: &MessageId) -> Subject {
    Subject::Message(id.customer.clone(), id.campaign.clone())
}

fn subjects(commands: Vec<(MessageId, MessageCommand)>) -> Vec<(Subject, MessageCommand)> {
    let commands = commands.into_iter();
    commands
        .map(|(id, command)| (subject(&id), command))
        .collect()
}
