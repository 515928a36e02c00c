//! Commands on messages.

use domain::{Message, MessageCommand, MessageError, MessageId, Subject};

use crate::execute::{Outcome, execute, execute_on};
use crate::kept::load_all;
use crate::{CommandError, Commands, Context};

impl Commands {
    /// Carries out commands on messages, each on its own.
    ///
    /// # Errors
    /// [`CommandError`]; repeating all of it is safe.
    pub async fn on_messages(
        &self,
        context: &Context,
        commands: Vec<(MessageId, MessageCommand)>,
    ) -> Result<Vec<Result<Outcome, MessageError>>, CommandError> {
        execute::<Message>(&self.log, &(), context, subjects(commands)).await
    }

    /// The same for messages that most probably do not exist yet: these are
    /// not looked at first.
    ///
    /// # Errors
    /// As [`Self::on_messages`].
    pub async fn on_new_messages(
        &self,
        context: &Context,
        commands: Vec<(MessageId, MessageCommand)>,
    ) -> Result<Vec<Result<Outcome, MessageError>>, CommandError> {
        execute_on::<Message>(&self.log, &(), context, subjects(commands), true).await
    }

    /// Messages as they stand, by their heads, in the order asked for.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn messages(&self, ids: &[MessageId]) -> Result<Vec<Message>, CommandError> {
        let layout = self.log.layout();
        let keys: Vec<_> = ids
            .iter()
            .map(|id| {
                let subject = Subject::Message(id.customer.clone(), id.campaign.clone());
                layout.key(subject.to_string(), subject.route())
            })
            .collect();
        let mut messages = vec![Message::default(); ids.len()];
        for partition in self.log.partitions() {
            let here = keys
                .iter()
                .enumerate()
                .filter(|(_, key)| key.partition == partition);
            let (places, keys): (Vec<usize>, Vec<_>) = here.unzip();
            if keys.is_empty() {
                continue;
            }
            let loaded = load_all::<Message>(&self.log, partition, &keys).await?;
            for (place, loaded) in places.into_iter().zip(loaded) {
                messages[place] = loaded.aggregate;
            }
        }
        Ok(messages)
    }
}

fn subjects(commands: Vec<(MessageId, MessageCommand)>) -> Vec<(Subject, MessageCommand)> {
    let subject = |(id, command): (MessageId, MessageCommand)| {
        let subject = Subject::Message(id.customer, id.campaign);
        (subject, command)
    };
    commands.into_iter().map(subject).collect()
}
