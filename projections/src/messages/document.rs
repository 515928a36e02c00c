//! What is known of a message.

use bson::DateTime;
use domain::{
    CampaignId, Channel, CustomerId, MessageId, MessageStatus, PersonalContent, RecordedMessage,
    Suppression, TemplateIdentity,
};
use serde::{Deserialize, Serialize};

/// A campaign's message to a customer, as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageDocument {
    /// Which, as a text: `msg_…`.
    pub message_id: String,
    /// Of which campaign.
    pub campaign_id: CampaignId,
    /// To whom.
    pub customer_id: CustomerId,
    /// How far it is.
    pub status: MessageStatus,
    /// By which way it goes, if it was ever to be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// To which address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The template that it is rendered from, if it was ever to be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateIdentity>,
    /// The values that the template used, and the digest of the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<PersonalContent>,
    /// Why it is suppressed, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppression: Option<SuppressionDocument>,
    /// How many attempts have failed since it was last queued.
    pub attempts: u32,
    /// What went wrong last, until it is queued again or sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// When the next attempt is due, while it waits for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<DateTime>,
    /// What the vendor calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor_message_id: Option<String>,
    /// Why it did not arrive, as the vendor's receipt says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was last queued, or suppressed if it never was.
    pub queued_at: DateTime,
    /// When it was recorded that the vendor took it. A receipt may be quicker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<DateTime>,
    /// When it was suppressed or given up, or when it arrived or failed by the
    /// vendor's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime>,
    /// When something last happened to it.
    pub updated_at: DateTime,
}

/// Why a message was suppressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuppressionDocument {
    /// The reason in a word: `no_address`.
    pub reason: String,
    /// What else there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl MessageDocument {
    /// Which.
    pub fn id(&self) -> MessageId {
        MessageId {
            campaign: self.campaign_id.clone(),
            customer: self.customer_id.clone(),
        }
    }

    /// What its text is rendered from; `None` if it was never queued.
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
            Suppression::Unsubscribed | Suppression::NoAddress | Suppression::Cancelled => None,
        };
        Self {
            reason: why.reason().name().to_owned(),
            detail,
        }
    }
}
