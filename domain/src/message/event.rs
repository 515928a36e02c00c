//! Events of messages.

use serde::{Deserialize, Serialize};

use super::receipt::{RecordedMark, RecordedReceipt, RefusedReceipt};
use super::{
    BounceKind, Handover, MessageContent, MessageStatus, Receipt, ReceiptKind, Suppression,
    SuppressionReason,
};
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
    /// The vendor refused the message for good.
    #[serde(rename = "message_rejected.1")]
    Rejected {
        /// Reason of the vendor.
        problem: Text<256>,
        /// Previous status.
        from: MessageStatus,
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
    /// The vendor's receipt reports that the recipient's provider returned the message.
    #[serde(rename = "message_bounced.1")]
    Bounced {
        /// Kind of bounce.
        bounce: BounceKind,
        /// Receipt.
        #[serde(flatten)]
        receipt: RecordedReceipt,
    },
    /// No receipt arrived within the time for one.
    #[serde(rename = "message_unconfirmed.1")]
    Unconfirmed {
        /// Previous status.
        from: MessageStatus,
    },
    /// The recipient complained about the message.
    #[serde(rename = "message_complained.1")]
    Complained(RecordedMark),
    /// The vendor could not deliver the message yet, and tries again.
    #[serde(rename = "message_deferred.1")]
    Deferred(RecordedMark),
    /// The recipient opened the message.
    #[serde(rename = "message_opened.1")]
    Opened(RecordedMark),
    /// The recipient followed a link of the message.
    #[serde(rename = "message_clicked.1")]
    Clicked {
        /// URL of the link, if the vendor says it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<Text<1024>>,
        /// Receipt.
        #[serde(flatten)]
        mark: RecordedMark,
    },
    /// A receipt was refused. It changes nothing else.
    #[serde(rename = "message_receipt_refused.1")]
    ReceiptRefused(RefusedReceipt),
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
    /// Returns the event that records a receipt of a message in this status. `sent_at`
    /// is the time of the vendor's acceptance, if it is known.
    pub fn receipted(
        receipt: Receipt,
        sent_at: Option<Timestamp>,
        from: MessageStatus,
        unsuppressed: Option<SuppressionReason>,
    ) -> Self {
        let (occurred_at, reported_at) = receipt.times(sent_at);
        let (vendor_message_id, reason) = (receipt.vendor_message_id, receipt.reason);
        let settled = |vendor_message_id, reason| RecordedReceipt {
            vendor_message_id,
            reason,
            occurred_at,
            reported_at,
            from,
            unsuppressed,
        };
        let marked = |vendor_message_id, reason| RecordedMark {
            vendor_message_id,
            reason,
            occurred_at,
            reported_at,
        };
        match receipt.kind {
            ReceiptKind::Delivered => Self::Delivered(settled(vendor_message_id, reason)),
            ReceiptKind::Failed => Self::Failed(settled(vendor_message_id, reason)),
            ReceiptKind::Bounced(bounce) => Self::Bounced {
                bounce,
                receipt: settled(vendor_message_id, reason),
            },
            ReceiptKind::Complained => Self::Complained(marked(vendor_message_id, reason)),
            ReceiptKind::Deferred => Self::Deferred(marked(vendor_message_id, reason)),
            ReceiptKind::Opened => Self::Opened(marked(vendor_message_id, reason)),
            ReceiptKind::Clicked(url) => Self::Clicked {
                url,
                mark: marked(vendor_message_id, reason),
            },
        }
    }

    /// Returns the receipt that this event records, if it records one that settles the
    /// message.
    pub fn receipt(&self) -> Option<&RecordedReceipt> {
        match self {
            Self::Delivered(receipt) | Self::Failed(receipt) | Self::Bounced { receipt, .. } => {
                Some(receipt)
            }
            _ => None,
        }
    }

    /// Returns the receipt that this event records, if it records one that marks the
    /// message.
    pub fn mark(&self) -> Option<&RecordedMark> {
        match self {
            Self::Complained(mark)
            | Self::Deferred(mark)
            | Self::Opened(mark)
            | Self::Clicked { mark, .. } => Some(mark),
            _ => None,
        }
    }

    /// Returns whether statistics count this event although it changes no status.
    pub fn is_counted(&self) -> bool {
        self.mark().is_some() || matches!(self, Self::ReceiptRefused(_))
    }

    /// Returns the status after this event; `None` if the event does not change
    /// the status.
    pub fn status(&self) -> Option<MessageStatus> {
        match self {
            Self::Queued(_) | Self::Requeued { .. } => Some(MessageStatus::Queued),
            Self::Suppressed { .. } => Some(MessageStatus::Suppressed),
            Self::Sent { .. } => Some(MessageStatus::Sent),
            Self::Rejected { .. } => Some(MessageStatus::Rejected),
            Self::Undeliverable { .. } => Some(MessageStatus::Undeliverable),
            Self::Delivered(_) => Some(MessageStatus::Delivered),
            Self::Failed(_) => Some(MessageStatus::Failed),
            Self::Bounced { .. } => Some(MessageStatus::Bounced),
            Self::Unconfirmed { .. } => Some(MessageStatus::Unconfirmed),
            Self::Attempted(_)
            | Self::Complained(_)
            | Self::Deferred(_)
            | Self::Opened(_)
            | Self::Clicked { .. }
            | Self::ReceiptRefused(_) => None,
        }
    }

    /// Returns the status before this event; `None` if the message did not
    /// exist or the status does not change.
    pub fn from(&self) -> Option<MessageStatus> {
        match self {
            Self::Suppressed { from, .. } => *from,
            Self::Sent { from, .. }
            | Self::Rejected { from, .. }
            | Self::Undeliverable { from, .. }
            | Self::Requeued { from }
            | Self::Unconfirmed { from } => Some(*from),
            _ => self.receipt().map(|receipt| receipt.from),
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
