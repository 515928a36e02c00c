//! Loads a campaign's messages that are due and may be sent, with their texts.

use std::sync::Arc;

use domain::{
    AddressId, CampaignId, MessageCommand, MessageId, RecordedMessage, ReproduceError, Suppression,
};
use eventlog::Partition;
use projections::messages::{DueMessages, MessageDocument};
use tokio::sync::mpsc::Sender;

use super::ready::ReadyMessage;
use crate::campaigns::backoff;
use crate::campaigns::clearance::{self, Clearance, SendDecision};
use crate::campaigns::error::WorkError;
use crate::campaigns::recorder::MessageResult;
use crate::clock::now;
use crate::shared::SharedResources;

/// Source of the messages that a lane sends.
pub(super) struct Loader {
    pub(super) shared: Arc<SharedResources>,
    pub(super) campaign: CampaignId,
    /// Partitions whose messages this process sends.
    pub(super) partitions: Arc<[Partition]>,
}

/// Result of loading messages.
pub(super) enum LoadOutcome {
    Messages(LoadedMessages),
    /// There are no more messages, or the campaign is not being sent.
    Nothing,
    /// Only a newer program can send these messages.
    NeedsUpgrade,
}

/// Messages that were loaded for sending.
pub(super) struct LoadedMessages {
    pub(super) messages: Vec<ReadyMessage>,
    /// Id of the last message that was considered, whether it is sent or not.
    pub(super) last: String,
}

impl Loader {
    /// Loads the next messages that are due by the view and may be sent by their
    /// heads. Suppresses messages whose customers or addresses have unsubscribed, or whose
    /// addresses are on the suppression list.
    pub(super) async fn load(
        &self,
        after: Option<&str>,
        count: usize,
        results: &Sender<MessageResult>,
    ) -> Result<LoadOutcome, WorkError> {
        let now = now();
        let latest = backoff::latest_due(now, &self.shared.delivery);
        let store = &self.shared.store;
        let due = DueMessages {
            campaign: &self.campaign,
            partitions: &self.partitions,
            now,
            latest,
        };
        let due = store.messages_due(&due, after, count).await?;
        let Some(last) = due.last().map(|last| last.message_id.clone()) else {
            return Ok(LoadOutcome::Nothing);
        };
        let mut messages = Vec::with_capacity(due.len());
        for document in &due {
            messages.push((document.id(), self.address(document).await?));
        }
        let Some(decisions) = clearance::decide(&self.shared, &messages).await? else {
            return Ok(LoadOutcome::Nothing);
        };
        let mut cleared = Vec::with_capacity(due.len());
        let decided = due.into_iter().zip(messages).zip(decisions);
        for ((document, (id, address)), decision) in decided {
            match decision {
                SendDecision::Send(clearance) => cleared.push((document, address, clearance)),
                // The view lags: the message is no longer queued, or not due yet.
                SendDecision::Hold => {}
                SendDecision::Unsubscribed | SendDecision::Listed(_) => {
                    if let Some(why) = decision.suppression() {
                        suppress(results, id, why).await;
                    }
                }
            }
        }
        Ok(match self.render(cleared, results).await? {
            Some(messages) => LoadOutcome::Messages(LoadedMessages { messages, last }),
            None => LoadOutcome::NeedsUpgrade,
        })
    }

    /// Returns the id of the address that a message goes to.
    async fn address(&self, document: &MessageDocument) -> Result<AddressId, WorkError> {
        let commands = &self.shared.commands;
        let key = commands.address_key()?;
        if let (Some(channel), Some(to)) = (document.channel, &document.to) {
            return Ok(key.recipient(channel, to));
        }
        // A document of the view may be damaged or incomplete.
        let id = document.id();
        let content = commands.queued_content(&id).await?;
        let content = content.ok_or(WorkError::NoContent(id))?;
        Ok(key.recipient(content.channel, content.to.as_str()))
    }

    /// Renders the texts. Suppresses messages whose text differs from the recorded
    /// digest. `None` if no message can be sent and some need a newer program.
    async fn render(
        &self,
        cleared: Vec<(MessageDocument, AddressId, Clearance)>,
        results: &Sender<MessageResult>,
    ) -> Result<Option<Vec<ReadyMessage>>, WorkError> {
        let commands = &self.shared.commands;
        let recorded = cleared
            .iter()
            .filter_map(|(document, _, _)| document.recorded());
        let mut texts = commands.texts(recorded.collect()).await?.into_iter();
        let mut messages = Vec::with_capacity(cleared.len());
        let mut held = 0;
        for (document, address, clearance) in cleared {
            let id = document.id();
            let shown = document.recorded().and_then(|_| texts.next()?.ok());
            let sendable = match (document.to, shown) {
                (Some(to), Some(text)) => Ok((to, text)),
                // A document of the view may be damaged or incomplete, so a message is
                // suppressed only if the log confirms the problem.
                _ => self.content_from_log(&id).await?,
            };
            match sendable {
                Ok((to, text)) => messages.push(ReadyMessage {
                    id,
                    clearance,
                    address,
                    to,
                    text,
                }),
                Err(error) if error.needs_newer_program() => held += 1,
                Err(error) => {
                    let detail = error.to_string();
                    suppress(results, id, Suppression::Template { detail }).await;
                }
            }
        }
        if held > 0 {
            let campaign = &self.campaign;
            tracing::warn!(%campaign, messages = held, "a newer program must send these messages");
        }
        Ok((held == 0 || !messages.is_empty()).then_some(messages))
    }

    /// Returns the address and the text of a message, from its event in the log.
    async fn content_from_log(
        &self,
        id: &MessageId,
    ) -> Result<Result<(String, String), ReproduceError>, WorkError> {
        let commands = &self.shared.commands;
        let content = commands.queued_content(id).await?;
        let content = content.ok_or_else(|| WorkError::NoContent(id.clone()))?;
        let recorded = RecordedMessage {
            campaign: id.campaign.clone(),
            template: content.template,
            content: content.content,
        };
        let text = commands.texts(vec![recorded]).await?.pop();
        let text = text.ok_or_else(|| WorkError::NoContent(id.clone()))?;
        Ok(text.map(|text| (content.to.into(), text)))
    }
}

async fn suppress(results: &Sender<MessageResult>, id: MessageId, why: Suppression) {
    let suppress = MessageCommand::Suppress(why);
    // Cannot fail: the recorder runs until all senders are dropped.
    let result = MessageResult {
        message: id,
        commands: vec![suppress],
        _unrecorded: None,
    };
    let _taken = results.send(result).await;
}
