//! Document of the view `messages`.

use bson::DateTime;
use domain::{
    BounceKind, CampaignId, Channel, CustomerId, MessageId, MessageStatus, PersonalContent,
    RecordedMessage, Suppression, TemplateIdentity,
};
use serde::{Deserialize, Serialize};

/// Current state of a campaign's message to a customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageDocument {
    /// Id of the message as text: `msg_…`.
    pub message_id: String,
    /// Campaign of the message.
    pub campaign_id: CampaignId,
    /// Customer that the message is for.
    pub customer_id: CustomerId,
    /// Status of the message.
    pub status: MessageStatus,
    /// Channel of the message; absent if it was never queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// Address that the message is sent to; absent if it was never queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Template that the text is rendered from; absent if it was never queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateIdentity>,
    /// Values of the customer that the template uses, and the digest of the text;
    /// absent if it was never queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<PersonalContent>,
    /// Reason for the suppression, while the message is suppressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppression: Option<SuppressionDocument>,
    /// Number of failed attempts since the message was last queued.
    pub attempts: u32,
    /// Problem of the last failed attempt, until the message is queued again,
    /// is sent, or gets a receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Time at which the next attempt is due, while the message waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<DateTime>,
    /// Id that the vendor gave the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor_message_id: Option<String>,
    /// Reason of the vendor, from the receipt that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Kind of bounce, while the message is bounced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounce: Option<BounceKind>,
    /// Time at which the message was last queued, or suppressed if it was never queued.
    pub queued_at: DateTime,
    /// Time at which the vendor's acceptance was recorded. Absent if a receipt was
    /// recorded first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<DateTime>,
    /// Time at which the message was suppressed, rejected or given up, at which the wait
    /// for its receipt ended, or at which it arrived or failed by the vendor's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime>,
    /// What receipts say about the message besides its status.
    #[serde(default, skip_serializing_if = "MessageMarks::is_empty")]
    pub marks: MessageMarks,
    /// Number of refused receipts that are recorded.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refused_receipts: u32,
    /// Time of the last event of the message.
    pub updated_at: DateTime,
}

/// First time of each thing that receipts report about a message without changing its
/// status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageMarks {
    /// Time at which the recipient complained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complained_at: Option<DateTime>,
    /// Time at which the vendor put the delivery off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deferred_at: Option<DateTime>,
    /// Time at which the recipient opened the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<DateTime>,
    /// Time at which the recipient followed a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clicked_at: Option<DateTime>,
    /// URL of that link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clicked_url: Option<String>,
}

impl MessageMarks {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Reason why a message was suppressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuppressionDocument {
    /// Code of the reason, such as `no_address`.
    pub reason: String,
    /// Details: the template's error, the frequency cap, the reason why the address is
    /// on the suppression list, or the customer who gets the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl MessageDocument {
    /// Returns the id of the message.
    pub fn id(&self) -> MessageId {
        MessageId {
            campaign: self.campaign_id.clone(),
            customer: self.customer_id.clone(),
        }
    }

    /// Returns the values that the text is rendered from; `None` if the message was
    /// never queued.
    pub fn recorded(&self) -> Option<RecordedMessage> {
        Some(RecordedMessage {
            campaign: self.campaign_id.clone(),
            template: self.template?,
            content: self.content.clone()?,
        })
    }
}

impl From<&Suppression> for SuppressionDocument {
    fn from(why: &Suppression) -> Self {
        let detail = match why {
            Suppression::Template { detail } => Some(detail.clone()),
            Suppression::FrequencyCap { most } => Some(format!("at most {most} within a week")),
            Suppression::SuppressionList { detail } => Some(detail.name().to_owned()),
            Suppression::DuplicateAddress { customer_id } => {
                Some(format!("customer {customer_id} has the same address"))
            }
            Suppression::Unsubscribed | Suppression::NoAddress | Suppression::Cancelled => None,
        };
        Self {
            reason: why.reason().name().to_owned(),
            detail,
        }
    }
}
