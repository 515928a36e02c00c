//! Events of messages.

use serde::{Deserialize, Serialize};

use super::{Handover, MessageContent, MessageStatus, Receipt, Suppression, SuppressionReason};
use crate::{Text, Timestamp};

/// Event of a message. Events that change the status include the previous one,
/// so that counters need no access to the message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum MessageEvent {
    /// The message is to be sent.
    #[serde(rename = "message_queued.1")]
    Queued(MessageContent),
    /// The message will not be sent.
    #[serde(rename = "message_suppressed.1")]
    Suppressed {
        /// Reason for the suppression.
        #[serde(flatten)]
        why: Suppression,
        /// Previous status; `None` if the message was never queued.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<MessageStatus>,
    },
    /// A delivery attempt failed.
    #[serde(rename = "message_attempted.1")]
    Attempted(DeliveryAttempt),
    /// The vendor accepted the message.
    #[serde(rename = "message_sent.1")]
    Sent {
        /// Vendor's id of the message, and the data that the sender had read.
        #[serde(flatten)]
        handover: Handover,
        /// Previous status.
        from: MessageStatus,
        /// Reason of the suppression that this event undoes, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unsuppressed: Option<SuppressionReason>,
    },
    /// There will be no further attempts.
    #[serde(rename = "message_undeliverable.1")]
    Undeliverable {
        /// Problem of the last attempt.
        problem: Text<256>,
        /// Previous status.
        from: MessageStatus,
    },
    /// The message is to be sent after all, starting with the first attempt.
    #[serde(rename = "message_requeued.1")]
    Requeued {
        /// Previous status.
        from: MessageStatus,
    },
    /// The vendor's receipt reports that the message was delivered.
    #[serde(rename = "message_delivered.1")]
    Delivered(RecordedReceipt),
    /// The vendor's receipt reports that the message was not delivered.
    #[serde(rename = "message_failed.1")]
    Failed(RecordedReceipt),
}

/// Receipt of the vendor, as an event records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedReceipt {
    /// Id of the message at the vendor.
    pub vendor_message_id: Text<128>,
    /// Reason for a failed delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text<256>>,
    /// Time of the delivery or its failure, by the vendor's clock.
    pub occurred_at: Timestamp,
    /// Previous status.
    pub from: MessageStatus,
    /// Reason of the suppression that this event undoes, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsuppressed: Option<SuppressionReason>,
}

/// Delivery attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryAttempt {
    /// Attempt number, starting at 1.
    pub number: u32,
    /// Problem that made the attempt fail.
    pub problem: Text<256>,
    /// Time at which the next attempt is due.
    pub retry_at: Timestamp,
}

impl MessageEvent {
    /// Returns the event that records a receipt.
    pub fn receipted(
        receipt: Receipt,
        from: MessageStatus,
        unsuppressed: Option<SuppressionReason>,
    ) -> Self {
        let recorded = RecordedReceipt {
            vendor_message_id: receipt.vendor_message_id,
            reason: receipt.reason,
            occurred_at: receipt.occurred_at,
            from,
            unsuppressed,
        };
        match receipt.arrived {
            true => Self::Delivered(recorded),
            false => Self::Failed(recorded),
        }
    }

    /// Returns the receipt that this event records, if it records one.
    pub fn receipt(&self) -> Option<&RecordedReceipt> {
        match self {
            Self::Delivered(receipt) | Self::Failed(receipt) => Some(receipt),
            _ => None,
        }
    }

    /// Returns the status after this event; `None` if the event does not change
    /// the status.
    pub fn status(&self) -> Option<MessageStatus> {
        match self {
            Self::Queued(_) | Self::Requeued { .. } => Some(MessageStatus::Queued),
            Self::Suppressed { .. } => Some(MessageStatus::Suppressed),
            Self::Attempted(_) => None,
            Self::Sent { .. } => Some(MessageStatus::Sent),
            Self::Undeliverable { .. } => Some(MessageStatus::Undeliverable),
            Self::Delivered(_) => Some(MessageStatus::Delivered),
            Self::Failed(_) => Some(MessageStatus::Failed),
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
            | Self::Delivered(RecordedReceipt { from, .. })
            | Self::Failed(RecordedReceipt { from, .. }) => Some(*from),
        }
    }

    /// Returns the reason for the suppression that this event undoes, since the
    /// vendor had accepted the message after all.
    pub fn unsuppressed(&self) -> Option<SuppressionReason> {
        match self {
            Self::Sent { unsuppressed, .. } => *unsuppressed,
            _ => self.receipt()?.unsuppressed,
        }
    }
}
