//! Commands on messages.

use domain::{Message, MessageCommand, MessageError, MessageId, Subject};

use crate::execute::{Outcome, execute};
use crate::kept::Loaded;
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
        let commands = commands.into_iter().map(|(id, command)| {
            let subject = Subject::Message(id.customer, id.campaign);
            (subject, command)
        });
        execute::<Message>(&self.log, &(), context, commands.collect()).await
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
            let heads = self.log.heads(partition, &keys).await?;
            for ((place, key), head) in places.into_iter().zip(keys).zip(heads) {
                messages[place] = Loaded::<Message>::load(&self.log, key, head)
                    .await?
                    .aggregate;
            }
        }
        Ok(messages)
    }
}
