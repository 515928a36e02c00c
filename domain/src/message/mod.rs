//! Messages: the delivery of a campaign to one recipient, from being queued to
//! the vendor's receipt.
//!
//! [`status`] has the statuses, [`content`] what is sent or why nothing is, [`receipt`]
//! the vendor's receipts, [`event`] the events, [`state`] the state in a head.

mod content;
mod event;
mod id;
mod receipt;
mod state;
mod status;
#[cfg(test)]
mod tests;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use content::{Channel, Handover, MessageContent, Suppression, SuppressionReason};
pub use event::{DeliveryAttempt, MessageEvent};
pub use id::{MessageId, MessageIdError};
pub use receipt::{
    BounceKind, Receipt, ReceiptKind, RecordedMark, RecordedReceipt, RefusedReceipt,
};
pub use status::{MessageCount, MessageStatus};

use crate::{Text, Timestamp};
use state::{MAX_REFUSED, MessageState, vendor_digest};

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
    /// Records that the vendor refused the message for good, with this problem.
    Reject(Text<256>),
    /// Gives the message up after this problem.
    GiveUp(Text<256>),
    /// Queues the message again, if it was given up.
    Requeue,
    /// Records a receipt of the vendor.
    RecordReceipt(Receipt),
    /// Records that a receipt was refused. Only the first few of a message are
    /// recorded.
    RecordRefusedReceipt(RefusedReceipt),
    /// Ends the wait for a receipt, if the request that the vendor accepted began at
    /// this time or before.
    EndWaitForReceipt {
        /// Latest time of the request.
        sent_by: Timestamp,
    },
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
    /// The receipt has another vendor's id than the message.
    #[error("the vendor accepted the message with another vendor_message_id")]
    OtherVendorMessage,
}

/// Message aggregate; empty until the message is queued or suppressed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Message(Option<MessageState>);

impl Message {
    /// Returns the status; `None` if the message does not exist.
    pub fn status(&self) -> Option<MessageStatus> {
        self.0.as_ref().map(|state| state.status)
    }

    /// Returns the time at which the request began that the vendor accepted; `None`
    /// if it did not, or the event does not say.
    pub fn sent_at(&self) -> Option<Timestamp> {
        self.0.as_ref()?.sent_at
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
        use MessageStatus::{Queued, Rejected, Sent, Suppressed, Undeliverable};
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
            // The message may have been suppressed while it was in flight, and a vendor
            // that refuses a message may have accepted it earlier.
            (
                MessageCommand::RecordSent(handover),
                Queued | Undeliverable | Suppressed | Rejected,
            ) if state.queued => Some(MessageEvent::Sent {
                handover,
                from,
                unsuppressed: state.why,
            }),
            (MessageCommand::Reject(problem), Queued) => {
                Some(MessageEvent::Rejected { problem, from })
            }
            (MessageCommand::GiveUp(problem), Queued) => {
                Some(MessageEvent::Undeliverable { problem, from })
            }
            (MessageCommand::Requeue, Undeliverable) => Some(MessageEvent::Requeued { from }),
            (MessageCommand::RecordReceipt(receipt), _) => return state.decide_receipt(receipt),
            (MessageCommand::RecordRefusedReceipt(refused), _) if state.refused < MAX_REFUSED => {
                Some(MessageEvent::ReceiptRefused(refused))
            }
            (MessageCommand::EndWaitForReceipt { sent_by }, Sent)
                if state.sent_at.is_none_or(|sent_at| sent_at <= sent_by) =>
            {
                Some(MessageEvent::Unconfirmed { from })
            }
            _ => None,
        })
    }
}

impl MessageState {
    /// Decides on a receipt. A vendor may repeat receipts or contradict earlier ones:
    /// the latest time wins, and at equal times a bounce wins over a delivery, and a
    /// delivery over a failure, so that the order of arrival makes no difference.
    fn decide_receipt(&self, receipt: Receipt) -> Result<Option<MessageEvent>, MessageError> {
        if !self.queued {
            return Err(MessageError::NotSent);
        }
        let vendor = vendor_digest(&receipt.vendor_message_id);
        if self.vendor.is_some_and(|known| known != vendor) {
            return Err(MessageError::OtherVendorMessage);
        }
        let event = MessageEvent::receipted(receipt, self.sent_at, self.status, self.why);
        let is_news = match (event.receipt(), event.status()) {
            (Some(recorded), Some(status)) => {
                let rank = recorded.rank(self.sent_at);
                let known = self.receipt.map(|known| (known, precedence(self.status)));
                known.is_none_or(|known| (rank, precedence(status)) > known)
            }
            _ => self.marks & mark_bit(&event) == 0,
        };
        Ok(is_news.then_some(event))
    }
}

/// Returns which of two receipts of the same time counts: the higher one.
fn precedence(status: MessageStatus) -> u8 {
    match status {
        MessageStatus::Bounced => 2,
        MessageStatus::Delivered => 1,
        _ => 0,
    }
}

/// Returns the bit of a mark; 0 for other events.
fn mark_bit(event: &MessageEvent) -> u8 {
    match event {
        MessageEvent::Complained(_) => 1,
        MessageEvent::Deferred(_) => 2,
        MessageEvent::Opened(_) => 4,
        MessageEvent::Clicked { .. } => 8,
        _ => 0,
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
        let state = self.0.get_or_insert_with(|| MessageState::new(status));
        if event.status().is_some() {
            // They belong to the status before; the event below sets its own.
            state.status = status;
            state.queued |= status == MessageStatus::Queued;
            (state.retry_at, state.why) = (None, None);
        }
        state.marks |= mark_bit(&event);
        if let Some(receipt) = event.receipt() {
            state.receipt = Some(receipt.rank(state.sent_at));
        }
        let vendor_message_id = match &event {
            MessageEvent::Sent { handover, .. } => Some(&handover.vendor_message_id),
            other => {
                let receipt = other.receipt().map(|receipt| &receipt.vendor_message_id);
                receipt.or(other.mark().map(|mark| &mark.vendor_message_id))
            }
        };
        if let Some(id) = vendor_message_id {
            state.vendor = Some(vendor_digest(id));
        }
        match event {
            MessageEvent::Suppressed { why, .. } => state.why = Some(why.reason()),
            MessageEvent::Attempted(attempt) => {
                state.attempts = attempt.number;
                state.retry_at = Some(attempt.retry_at.millis());
            }
            MessageEvent::Sent { handover, .. } => state.sent_at = handover.began_at,
            MessageEvent::Requeued { .. } => state.attempts = 0,
            MessageEvent::ReceiptRefused(_) => state.refused = state.refused.saturating_add(1),
            _ => {}
        }
    }
}
