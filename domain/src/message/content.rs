//! What a message says, and what may become of it.

use serde::{Deserialize, Serialize};

use crate::{PersonalContent, TemplateIdentity, Text, Timestamp};

/// What is sent to the customer. All personal data of a message is in `to` and
/// `content`. The text is not here: it is rendered from the template and the
/// values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageContent {
    /// The channel.
    pub channel: Channel,
    /// The address, as the customer's profile had it.
    pub to: Text<254>,
    /// The campaign's template and the version of the rendering rules.
    pub template: TemplateIdentity,
    /// The values that the template used, and the digest of the text.
    pub content: PersonalContent,
}

/// By which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// To an e-mail address.
    Email,
    /// To a telephone number.
    Phone,
}

/// Why a customer of the audience gets no message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Suppression {
    /// They want no messages.
    Unsubscribed,
    /// They have neither an e-mail address nor a telephone number.
    NoAddress,
    /// The template cannot be rendered for them.
    Template {
        /// Why.
        detail: String,
    },
    /// They have had as many messages within a week as anybody gets.
    FrequencyCap {
        /// How many that is.
        most: u32,
    },
    /// The campaign was cancelled before it was sent.
    Cancelled,
}

/// A [`Suppression`] in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionReason {
    /// They want no messages.
    Unsubscribed,
    /// They cannot be written to.
    NoAddress,
    /// The template cannot be rendered for them.
    Template,
    /// They have had enough.
    FrequencyCap,
    /// The campaign was cancelled.
    Cancelled,
}

impl Suppression {
    /// The reason in a word.
    pub fn reason(&self) -> SuppressionReason {
        match self {
            Self::Unsubscribed => SuppressionReason::Unsubscribed,
            Self::NoAddress => SuppressionReason::NoAddress,
            Self::Template { .. } => SuppressionReason::Template,
            Self::FrequencyCap { .. } => SuppressionReason::FrequencyCap,
            Self::Cancelled => SuppressionReason::Cancelled,
        }
    }
}

impl SuppressionReason {
    /// `no_address`
    pub fn name(self) -> &'static str {
        match self {
            Self::Unsubscribed => "unsubscribed",
            Self::NoAddress => "no_address",
            Self::Template => "template",
            Self::FrequencyCap => "frequency_cap",
            Self::Cancelled => "cancelled",
        }
    }
}

/// How far a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageStatus {
    /// To be sent.
    Queued,
    /// It will not be sent.
    Suppressed,
    /// The vendor has it.
    Sent,
    /// The vendor says that it arrived.
    Delivered,
    /// The vendor says that it did not arrive.
    Failed,
    /// The vendor has not taken it, however often it was tried.
    Undeliverable,
}

impl MessageStatus {
    /// All there are.
    pub const ALL: [Self; 6] = [
        Self::Queued,
        Self::Suppressed,
        Self::Sent,
        Self::Delivered,
        Self::Failed,
        Self::Undeliverable,
    ];

    /// `queued`
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Suppressed => "suppressed",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Undeliverable => "undeliverable",
        }
    }
}

/// A message that the vendor took, and what its sender knew then.
///
/// The last two are absent from events that were recorded before senders kept
/// them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// What the vendor calls the message.
    pub vendor_message_id: Text<128>,
    /// When the request that the vendor took began, by the sender's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_at: Option<Timestamp>,
    /// The number, in the partition, of the customer's last event that the
    /// sender had read by then; 0 if the customer had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_seen: Option<u64>,
}

impl From<Text<128>> for Handover {
    /// Of which no more is known than what the vendor calls the message.
    fn from(vendor_message_id: Text<128>) -> Self {
        Self {
            vendor_message_id,
            began_at: None,
            customer_seen: None,
        }
    }
}

/// What the vendor says became of a message it took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// What the vendor calls the message.
    pub vendor_message_id: Text<128>,
    /// Whether it arrived.
    pub arrived: bool,
    /// Why it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text<256>>,
    /// When, by the vendor's clock.
    pub occurred_at: Timestamp,
}
