//! Messages: what a campaign has for one customer, from being queued to the
//! vendor's receipt.

mod content;
mod event;
mod id;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use content::{
    Channel, Handover, MessageContent, MessageStatus, Receipt, Suppression, SuppressionReason,
};
pub use event::{Attempt, MessageEvent};
pub use id::{MessageId, MessageIdError};

use crate::{Text, Timestamp};

/// What may be asked of a message. What is already so, or cannot be any more,
/// is no event: two who do the same work do it once.
#[derive(Debug, Clone)]
pub enum MessageCommand {
    /// To be sent, unless it is there already.
    Queue(MessageContent),
    /// Not to be sent, unless it was handed over already.
    Suppress(Suppression),
    /// An attempt failed.
    RecordAttempt(Attempt),
    /// The vendor took it.
    RecordSent(Handover),
    /// It is not tried any more, for this reason.
    GiveUp(Text<256>),
    /// To be tried again, if it was given up.
    Requeue,
    /// The vendor says what became of it.
    RecordReceipt(Receipt),
}

/// Why a command on a message is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// It was never queued.
    #[error("there is no such message")]
    Unknown,
    /// It was never handed to a vendor, so that there is nothing to be said of
    /// its delivery.
    #[error("the message was not sent")]
    NotSent,
}

/// A message as it stands: nothing until it was queued or suppressed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Message(Option<State>);

/// Small: there is one for every message ever sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    #[serde(rename = "s")]
    status: MessageStatus,
    /// Whether it ever was to be sent: then a vendor may have it.
    #[serde(rename = "q")]
    queued: bool,
    /// Attempts that failed since it was queued last.
    #[serde(rename = "a", default, skip_serializing_if = "is_zero")]
    attempts: u32,
    /// When the next attempt is due, in milliseconds.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    retry_at: Option<i64>,
    /// When what the receipt says happened, in milliseconds.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    receipt: Option<i64>,
    /// Why it is suppressed, if it is.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    why: Option<SuppressionReason>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Message {
    /// How far it is; `None` if there is no such message.
    pub fn status(&self) -> Option<MessageStatus> {
        self.0.as_ref().map(|state| state.status)
    }

    /// How many attempts have failed since it was last queued.
    pub fn attempts(&self) -> u32 {
        self.0.as_ref().map_or(0, |state| state.attempts)
    }

    /// Whether it is to be sent, and not before this instant.
    pub fn due_at(&self) -> Option<Timestamp> {
        let state = self.0.as_ref()?;
        let is_queued = state.status == MessageStatus::Queued;
        let at = Timestamp::from_millis(state.retry_at.unwrap_or_default());
        is_queued.then(|| at.unwrap_or(Timestamp::EPOCH))
    }

    /// The event that this command makes, if it makes one.
    ///
    /// # Errors
    /// [`MessageError`] for a message that there is not, and for a receipt of
    /// one that was never handed over.
    pub fn decide(&self, command: MessageCommand) -> Result<Option<MessageEvent>, MessageError> {
        use MessageStatus::{Queued, Suppressed, Undeliverable};
        let Some(state) = &self.0 else {
            return match command {
                MessageCommand::Queue(content) => Ok(Some(MessageEvent::Queued(content))),
                MessageCommand::Suppress(why) => {
                    Ok(Some(MessageEvent::Suppressed { why, from: None }))
                }
                _ => Err(MessageError::Unknown),
            };
        };
        let from = state.status;
        Ok(match (command, from) {
            (MessageCommand::Suppress(why), Queued | Undeliverable) => {
                let from = Some(from);
                Some(MessageEvent::Suppressed { why, from })
            }
            (MessageCommand::RecordAttempt(attempt), Queued)
                if attempt.number == state.attempts + 1 =>
            {
                Some(MessageEvent::Attempted(attempt))
            }
            // It may have been suppressed while it was on its way.
            (MessageCommand::RecordSent(handover), Queued | Undeliverable | Suppressed)
                if state.queued =>
            {
                Some(MessageEvent::Sent {
                    handover,
                    from,
                    unsuppressed: state.why,
                })
            }
            (MessageCommand::GiveUp(problem), Queued) => {
                Some(MessageEvent::Undeliverable { problem, from })
            }
            (MessageCommand::Requeue, Undeliverable) => Some(MessageEvent::Requeued { from }),
            (MessageCommand::RecordReceipt(receipt), _) => return state.receive(receipt),
            _ => None,
        })
    }
}

impl State {
    /// Takes a receipt. A vendor may repeat one, and may have said otherwise
    /// before: what happened last holds, and at the same instant the better,
    /// so that the order of arrival makes no difference.
    fn receive(&self, receipt: Receipt) -> Result<Option<MessageEvent>, MessageError> {
        if !self.queued {
            return Err(MessageError::NotSent);
        }
        let arrived = self.status == MessageStatus::Delivered;
        let says_more = match self.receipt {
            None => true,
            Some(known) => match receipt.occurred_at.millis().cmp(&known) {
                Ordering::Less => false,
                Ordering::Greater => true,
                Ordering::Equal => receipt.arrived && !arrived,
            },
        };
        Ok(says_more.then_some(MessageEvent::Receipted {
            receipt,
            from: self.status,
            unsuppressed: self.why,
        }))
    }
}

impl Aggregate for Message {
    const TYPE: &'static str = "message";
    type Command = MessageCommand;
    type Event = MessageEvent;
    type Error = MessageError;
    type Services = ();

    async fn handle(
        &mut self,
        command: MessageCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), MessageError> {
        if let Some(event) = self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: MessageEvent) {
        let status = event.status().or(self.status());
        let Some(status) = status else {
            return; // An attempt at a message that there is not.
        };
        let state = self.0.get_or_insert(State {
            status,
            queued: false,
            attempts: 0,
            retry_at: None,
            receipt: None,
            why: None,
        });
        state.status = status;
        state.queued |= status == MessageStatus::Queued;
        // Nothing else is due, and heads are to be small.
        state.retry_at = None;
        state.why = None;
        match event {
            MessageEvent::Suppressed { why, .. } => state.why = Some(why.reason()),
            MessageEvent::Attempted(attempt) => {
                state.attempts = attempt.number;
                state.retry_at = Some(attempt.retry_at.millis());
            }
            MessageEvent::Requeued { .. } => state.attempts = 0,
            MessageEvent::Receipted { receipt, .. } => {
                state.receipt = Some(receipt.occurred_at.millis());
            }
            _ => {}
        }
    }
}
