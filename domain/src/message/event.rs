//! Events of messages.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Handover, MessageContent, MessageStatus, Receipt, Suppression, SuppressionReason};
use crate::event::{DecodeError, LoggedEvent, from_json, tag_name, tag_version, to_json};
use crate::{Text, Timestamp};

/// Event of a message. Events that change the status include the previous one,
/// so that counters need no access to the message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum MessageEvent {
    /// `message_queued.1`: the message is to be sent.
    Queued(MessageContent),
    /// `message_suppressed.1`: the message will not be sent.
    Suppressed {
        /// Reason of the suppression.
        why: Suppression,
        /// Previous status; `None` if the message was never queued.
        from: Option<MessageStatus>,
    },
    /// `message_attempted.1`: a delivery attempt failed.
    Attempted(Attempt),
    /// `message_sent.1`: the vendor accepted the message.
    Sent {
        /// Vendor's id of the message, and what its sender knew.
        handover: Handover,
        /// Previous status.
        from: MessageStatus,
        /// Reason of the suppression that this event undoes, if any.
        unsuppressed: Option<SuppressionReason>,
    },
    /// `message_undeliverable.1`: there will be no further attempts.
    Undeliverable {
        /// Problem of the last attempt.
        problem: Text<256>,
        /// Previous status.
        from: MessageStatus,
    },
    /// `message_requeued.1`: the message is to be sent after all, starting with
    /// the first attempt.
    Requeued {
        /// Previous status.
        from: MessageStatus,
    },
    /// `message_delivered.1` or `message_failed.1`: the vendor's receipt.
    Receipted {
        /// Receipt of the vendor.
        receipt: Receipt,
        /// Previous status.
        from: MessageStatus,
        /// Reason of the suppression that this event undoes, if any.
        unsuppressed: Option<SuppressionReason>,
    },
}

/// Delivery attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Attempt number, starting at 1.
    pub number: u32,
    /// Problem that made the attempt fail.
    pub problem: Text<256>,
    /// Time at which the next attempt is due.
    pub retry_at: Timestamp,
}

impl MessageEvent {
    /// Returns the status after this event; `None` if the event does not change
    /// the status.
    pub fn status(&self) -> Option<MessageStatus> {
        match self {
            Self::Queued(_) | Self::Requeued { .. } => Some(MessageStatus::Queued),
            Self::Suppressed { .. } => Some(MessageStatus::Suppressed),
            Self::Attempted(_) => None,
            Self::Sent { .. } => Some(MessageStatus::Sent),
            Self::Undeliverable { .. } => Some(MessageStatus::Undeliverable),
            Self::Receipted { receipt, .. } if receipt.arrived => Some(MessageStatus::Delivered),
            Self::Receipted { .. } => Some(MessageStatus::Failed),
        }
    }

    /// Returns the status before this event; `None` if the message did not
    /// exist or the status does not change.
    pub fn from(&self) -> Option<MessageStatus> {
        match self {
            Self::Queued(_) | Self::Attempted(_) => None,
            Self::Suppressed { from, .. } => *from,
            Self::Sent { from, .. }
            | Self::Undeliverable { from, .. }
            | Self::Requeued { from }
            | Self::Receipted { from, .. } => Some(*from),
        }
    }

    /// Returns the reason of the suppression that this event undoes: the vendor
    /// turned out to have the message.
    pub fn unsuppressed(&self) -> Option<SuppressionReason> {
        match self {
            Self::Sent { unsuppressed, .. } | Self::Receipted { unsuppressed, .. } => *unsuppressed,
            _ => None,
        }
    }
}

const QUEUED: &str = "message_queued.1";
const SUPPRESSED: &str = "message_suppressed.1";
const ATTEMPTED: &str = "message_attempted.1";
const SENT: &str = "message_sent.1";
const UNDELIVERABLE: &str = "message_undeliverable.1";
const REQUEUED: &str = "message_requeued.1";
const DELIVERED: &str = "message_delivered.1";
const FAILED: &str = "message_failed.1";

#[derive(Serialize, Deserialize)]
struct SuppressedData {
    #[serde(flatten)]
    why: Suppression,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<MessageStatus>,
}

#[derive(Serialize, Deserialize)]
struct SentData {
    #[serde(flatten)]
    handover: Handover,
    from: MessageStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unsuppressed: Option<SuppressionReason>,
}

#[derive(Serialize, Deserialize)]
struct UndeliverableData {
    problem: Text<256>,
    from: MessageStatus,
}

#[derive(Serialize, Deserialize)]
struct RequeuedData {
    from: MessageStatus,
}

#[derive(Serialize, Deserialize)]
struct ReceiptData {
    vendor_message_id: Text<128>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Text<256>>,
    occurred_at: Timestamp,
    from: MessageStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unsuppressed: Option<SuppressionReason>,
}

impl ReceiptData {
    fn into_event(self, arrived: bool) -> MessageEvent {
        MessageEvent::Receipted {
            receipt: Receipt {
                vendor_message_id: self.vendor_message_id,
                arrived,
                reason: self.reason,
                occurred_at: self.occurred_at,
            },
            from: self.from,
            unsuppressed: self.unsuppressed,
        }
    }
}

impl LoggedEvent for MessageEvent {
    const TAGS: &'static [&'static str] = &[
        QUEUED,
        SUPPRESSED,
        ATTEMPTED,
        SENT,
        UNDELIVERABLE,
        REQUEUED,
        DELIVERED,
        FAILED,
    ];

    fn tag(&self) -> &'static str {
        match self {
            Self::Queued(_) => QUEUED,
            Self::Suppressed { .. } => SUPPRESSED,
            Self::Attempted(_) => ATTEMPTED,
            Self::Sent { .. } => SENT,
            Self::Undeliverable { .. } => UNDELIVERABLE,
            Self::Requeued { .. } => REQUEUED,
            Self::Receipted { receipt, .. } if receipt.arrived => DELIVERED,
            Self::Receipted { .. } => FAILED,
        }
    }

    fn data(&self) -> Box<RawValue> {
        match self.clone() {
            Self::Queued(content) => to_json(&content),
            Self::Suppressed { why, from } => to_json(&SuppressedData { why, from }),
            Self::Attempted(attempt) => to_json(&attempt),
            Self::Sent {
                handover,
                from,
                unsuppressed,
            } => to_json(&SentData {
                handover,
                from,
                unsuppressed,
            }),
            Self::Undeliverable { problem, from } => to_json(&UndeliverableData { problem, from }),
            Self::Requeued { from } => to_json(&RequeuedData { from }),
            Self::Receipted {
                receipt,
                from,
                unsuppressed,
            } => to_json(&ReceiptData {
                vendor_message_id: receipt.vendor_message_id,
                reason: receipt.reason,
                occurred_at: receipt.occurred_at,
                from,
                unsuppressed,
            }),
        }
    }

    fn decode(tag: &str, data: &str) -> Result<Self, DecodeError> {
        match tag {
            QUEUED => from_json(tag, data).map(Self::Queued),
            SUPPRESSED => from_json(tag, data)
                .map(|SuppressedData { why, from }| Self::Suppressed { why, from }),
            ATTEMPTED => from_json(tag, data).map(Self::Attempted),
            SENT => from_json(tag, data).map(|sent: SentData| Self::Sent {
                handover: sent.handover,
                from: sent.from,
                unsuppressed: sent.unsuppressed,
            }),
            UNDELIVERABLE => from_json(tag, data)
                .map(|UndeliverableData { problem, from }| Self::Undeliverable { problem, from }),
            REQUEUED => from_json(tag, data).map(|RequeuedData { from }| Self::Requeued { from }),
            DELIVERED => from_json(tag, data).map(|data: ReceiptData| data.into_event(true)),
            FAILED => from_json(tag, data).map(|data: ReceiptData| data.into_event(false)),
            _ => Err(DecodeError::Unknown(tag.to_owned())),
        }
    }
}

impl DomainEvent for MessageEvent {
    fn event_type(&self) -> String {
        tag_name(self.tag())
    }

    fn event_version(&self) -> String {
        tag_version(self.tag())
    }
}
