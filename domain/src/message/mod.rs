//! Messages: the delivery of a campaign to one recipient, from being queued to
//! the vendor's receipt.

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
pub use event::{DeliveryAttempt, MessageEvent, RecordedReceipt};
pub use id::{MessageId, MessageIdError};

use crate::{Text, Timestamp};

/// Commands on a message. A command whose effect is already in place, or is no
/// longer possible, makes no event: two workers that do the same work record it
/// once.
#[derive(Debug, Clone)]
pub enum MessageCommand {
    /// Queues the message, unless it exists already.
    Queue(MessageContent),
    /// Suppresses the message, unless it was sent already.
    Suppress(Suppression),
    /// Records a failed attempt.
    RecordAttempt(DeliveryAttempt),
    /// Records that the vendor accepted the message.
    RecordSent(Handover),
    /// Gives the message up after this problem.
    GiveUp(Text<256>),
    /// Queues the message again, if it was given up.
    Requeue,
    /// Records a receipt of the vendor.
    RecordReceipt(Receipt),
}

/// Reason why a command on a message is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// The message does not exist.
    #[error("there is no such message")]
    Unknown,
    /// The message was never sent, so there cannot be a receipt for it.
    #[error("the message was not sent")]
    NotSent,
}

/// Message aggregate; empty until the message is queued or suppressed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Message(Option<MessageState>);

/// State of a message. It is small, since Redis holds one for every message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct MessageState {
    #[serde(rename = "s")]
    status: MessageStatus,
    /// True if the message was ever queued, so that a vendor may have it.
    #[serde(rename = "q")]
    queued: bool,
    /// Number of failed attempts since the message was last queued.
    #[serde(rename = "a", default, skip_serializing_if = "is_zero")]
    attempts: u32,
    /// Time at which the next attempt is due, in milliseconds.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    retry_at: Option<i64>,
    /// Time of the event that the last receipt reports, in milliseconds.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    receipt: Option<i64>,
    /// Reason for the suppression, while the message is suppressed.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    why: Option<SuppressionReason>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Message {
    /// Returns the status; `None` if the message does not exist.
    pub fn status(&self) -> Option<MessageStatus> {
        self.0.as_ref().map(|state| state.status)
    }

    /// Returns the number of failed attempts since the message was last queued.
    pub fn attempts(&self) -> u32 {
        self.0.as_ref().map_or(0, |state| state.attempts)
    }

    /// Returns the earliest time at which a queued message may be sent; `None`
    /// for any other message.
    pub fn due_at(&self) -> Option<Timestamp> {
        let state = self.0.as_ref()?;
        let is_queued = state.status == MessageStatus::Queued;
        let at = Timestamp::from_millis(state.retry_at.unwrap_or_default());
        is_queued.then(|| at.unwrap_or(Timestamp::EPOCH))
    }

    /// Returns the event that a command makes, if it makes one.
    ///
    /// # Errors
    /// [`MessageError`] for a message that does not exist, and for a receipt of
    /// a message that was never sent.
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
            // Attempts are recorded in sequence, so a repeated or delayed
            // record makes no event.
            (MessageCommand::RecordAttempt(attempt), Queued)
                if attempt.number == state.attempts + 1 =>
            {
                Some(MessageEvent::Attempted(attempt))
            }
            // The message may have been suppressed while it was in flight.
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
            (MessageCommand::RecordReceipt(receipt), _) => return state.decide_receipt(receipt),
            _ => None,
        })
    }
}

impl MessageState {
    /// Decides on a receipt. A vendor may repeat receipts or contradict earlier
    /// ones: the latest time wins, and at equal times a delivery wins over a
    /// failure, so that the order of arrival makes no difference.
    fn decide_receipt(&self, receipt: Receipt) -> Result<Option<MessageEvent>, MessageError> {
        if !self.queued {
            return Err(MessageError::NotSent);
        }
        let arrived = self.status == MessageStatus::Delivered;
        let is_newer = match self.receipt {
            None => true,
            Some(known) => match receipt.occurred_at.millis().cmp(&known) {
                Ordering::Less => false,
                Ordering::Greater => true,
                Ordering::Equal => receipt.arrived && !arrived,
            },
        };
        Ok(is_newer.then(|| MessageEvent::receipted(receipt, self.status, self.why)))
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
            return; // An attempt of a message that does not exist.
        };
        let state = self.0.get_or_insert(MessageState {
            status,
            queued: false,
            attempts: 0,
            retry_at: None,
            receipt: None,
            why: None,
        });
        state.status = status;
        state.queued |= status == MessageStatus::Queued;
        // Cleared unless the event sets them again; this also keeps heads
        // small.
        state.retry_at = None;
        state.why = None;
        match event {
            MessageEvent::Suppressed { why, .. } => state.why = Some(why.reason()),
            MessageEvent::Attempted(attempt) => {
                state.attempts = attempt.number;
                state.retry_at = Some(attempt.retry_at.millis());
            }
            MessageEvent::Requeued { .. } => state.attempts = 0,
            MessageEvent::Delivered(receipt) | MessageEvent::Failed(receipt) => {
                state.receipt = Some(receipt.occurred_at.millis());
            }
            _ => {}
        }
    }
}
