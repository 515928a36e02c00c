//! Receipts of the vendor, and the times and outcomes that are recorded of them.

use serde::{Deserialize, Serialize};

use super::MessageStatus;
use crate::{Text, Timestamp};

/// Largest time by which a receipt may be ahead of this clock, in milliseconds.
const TOLERATED_LEAD: i64 = 5 * 60 * 1_000;

/// Largest age, in milliseconds, of a receipt for a message whose acceptance is not
/// recorded yet.
const MAX_EARLY_AGE: i64 = 7 * 24 * 60 * 60 * 1_000;

/// Added to the rank of a receipt whose time cannot be right, so that every other
/// receipt outranks it.
const IMPLAUSIBLE: i64 = -10_000_000_000_000;

/// Latest reported time that is distinguished from later ones, in milliseconds: the
/// year 2286. It keeps the ranks of implausible receipts negative.
const MAX_REPORTED: i64 = 9_999_999_999_999;

/// Report of the vendor about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Id of the message at the vendor.
    pub vendor_message_id: Text<128>,
    /// Kind of event that the vendor reports.
    pub kind: ReceiptKind,
    /// Vendor's reason.
    pub reason: Option<Text<256>>,
    /// Time of what happened, by the vendor's clock.
    pub occurred_at: Timestamp,
    /// Time at which the receipt was received, by this clock.
    pub received_at: Timestamp,
}

/// What a receipt reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceiptKind {
    /// The message was delivered.
    Delivered,
    /// The message was not delivered.
    Failed,
    /// The recipient's provider returned the message.
    Bounced(BounceKind),
    /// The recipient complained about the message.
    Complained,
    /// The vendor has not delivered the message yet, and tries again.
    Deferred,
    /// The recipient opened the message.
    Opened,
    /// The recipient followed a link of the message, if known to this URL.
    Clicked(Option<Text<1024>>),
}

/// Kind of bounce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BounceKind {
    /// The address does not work, and never will.
    Hard,
    /// The address may work another time: the mailbox is full, for example.
    Soft,
}

impl BounceKind {
    /// Returns the name in JSON and in views: `hard`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
        }
    }
}

/// Receipt that settles a message, as an event records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedReceipt {
    /// Id of the message at the vendor.
    pub vendor_message_id: Text<128>,
    /// Vendor's reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text<256>>,
    /// Time of the delivery or its failure: the vendor's, if that is plausible.
    pub occurred_at: Timestamp,
    /// Time that the vendor reported, if it is not plausible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_at: Option<Timestamp>,
    /// Previous status.
    pub from: MessageStatus,
    /// Reason of the suppression that this event undoes, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsuppressed: Option<super::SuppressionReason>,
}

/// Receipt that marks a message without settling it, as an event records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedMark {
    /// Id of the message at the vendor.
    pub vendor_message_id: Text<128>,
    /// Vendor's reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text<256>>,
    /// Time of what happened: the vendor's, if that is plausible.
    pub occurred_at: Timestamp,
    /// Time that the vendor reported, if it is not plausible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_at: Option<Timestamp>,
}

/// Receipt that was refused, as an event records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedReceipt {
    /// Reason of the refusal.
    pub problem: Text<256>,
}

impl Receipt {
    /// Returns a receipt without a reason, received when it occurred.
    pub fn new(kind: ReceiptKind, vendor_message_id: Text<128>, occurred_at: Timestamp) -> Self {
        Self {
            vendor_message_id,
            kind,
            reason: None,
            occurred_at,
            received_at: occurred_at,
        }
    }

    /// Returns the time that is recorded, and the reported one if it is not plausible.
    ///
    /// A time is not plausible if it is more than five minutes ahead of the clock, or
    /// before the vendor's acceptance. If the acceptance is not recorded yet, a time is
    /// not plausible if it is more than a week ago.
    pub fn times(&self, sent_at: Option<Timestamp>) -> (Timestamp, Option<Timestamp>) {
        let (at, received) = (self.occurred_at, self.received_at);
        let is_ahead = at.millis() - received.millis() > TOLERATED_LEAD;
        match sent_at {
            _ if is_ahead => (received.max(sent_at.unwrap_or(received)), Some(at)),
            Some(sent_at) if at < sent_at => (sent_at, Some(at)),
            None if received.millis() - at.millis() > MAX_EARLY_AGE => (received, Some(at)),
            _ => (at, None),
        }
    }
}

impl RecordedReceipt {
    /// Returns the rank of the receipt among those of its message: the one with the
    /// highest rank counts. It is the time in milliseconds, or negative if the time
    /// says nothing about the order. It does not depend on the time of arrival, so a
    /// repeated receipt has the same rank.
    pub(super) fn rank(&self, sent_at: Option<Timestamp>) -> i64 {
        match self.reported_at {
            None => self.occurred_at.millis(),
            // Every receipt from before the acceptance is dated to the acceptance.
            Some(reported) if reported < self.occurred_at && sent_at.is_some() => {
                self.occurred_at.millis()
            }
            Some(reported) => IMPLAUSIBLE + reported.millis().min(MAX_REPORTED),
        }
    }
}
