//! Status of a message.

use serde::{Deserialize, Serialize};

/// Status of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageStatus {
    /// Waits to be sent.
    Queued,
    /// Suppressed; it will not be sent.
    Suppressed,
    /// Accepted by the vendor; its receipt is awaited.
    Sent,
    /// Delivered, according to the vendor's receipt.
    Delivered,
    /// Not delivered, according to the vendor's receipt.
    Failed,
    /// Returned by the recipient's provider, according to the vendor's receipt. It may
    /// have been delivered before.
    Bounced,
    /// Accepted by the vendor, without a receipt within the time for one.
    Unconfirmed,
    /// Refused by the vendor for good.
    Rejected,
    /// Not accepted by the vendor after all attempts.
    Undeliverable,
}

impl MessageStatus {
    /// All statuses.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Suppressed,
        Self::Sent,
        Self::Delivered,
        Self::Failed,
        Self::Bounced,
        Self::Unconfirmed,
        Self::Rejected,
        Self::Undeliverable,
    ];

    /// Statuses of messages that have not ended. They keep their campaign open.
    pub const OPEN: [Self; 3] = [Self::Queued, Self::Sent, Self::Undeliverable];

    /// Returns the name in JSON and in views: `queued`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Suppressed => "suppressed",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Bounced => "bounced",
            Self::Unconfirmed => "unconfirmed",
            Self::Rejected => "rejected",
            Self::Undeliverable => "undeliverable",
        }
    }

    /// Returns whether the vendor accepted a message with this status.
    pub fn is_accepted(self) -> bool {
        match self {
            Self::Sent | Self::Delivered | Self::Failed | Self::Bounced | Self::Unconfirmed => true,
            Self::Queued | Self::Suppressed | Self::Rejected | Self::Undeliverable => false,
        }
    }

    /// Returns how a message with this status is counted.
    pub fn count(self) -> MessageCount {
        match self {
            Self::Queued => MessageCount::Pending,
            Self::Suppressed => MessageCount::Suppressed,
            Self::Sent | Self::Delivered | Self::Unconfirmed => MessageCount::Sent,
            Self::Failed | Self::Bounced | Self::Rejected | Self::Undeliverable => {
                MessageCount::Failed
            }
        }
    }

    /// Returns the letter of the status in a head.
    pub(super) fn letter(self) -> char {
        match self {
            Self::Queued => 'q',
            Self::Suppressed => 'x',
            Self::Sent => 's',
            Self::Delivered => 'd',
            Self::Failed => 'f',
            Self::Bounced => 'b',
            Self::Unconfirmed => 'n',
            Self::Rejected => 'r',
            Self::Undeliverable => 'u',
        }
    }

    /// Returns the status with this letter.
    pub(super) fn of_letter(letter: char) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|status| status.letter() == letter)
    }
}

/// Count of a campaign that a message belongs to. Every message belongs to exactly
/// one: the audience is their sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageCount {
    /// Messages that the vendor accepted, and that did not fail as far as is known.
    Sent,
    /// Messages that did not arrive, or that the vendor did not accept.
    Failed,
    /// Messages that are not sent.
    Suppressed,
    /// Messages that are yet to be sent.
    Pending,
}
