//! Content, status, and receipts of messages.

use serde::{Deserialize, Serialize};

use crate::rules::CustomerFacts;
use crate::{
    Currency, CustomerId, ListedFor, PersonalContent, Renderer, TemplateIdentity, Text, Timestamp,
};

/// Content of a message to a customer. All personal data is in `to` and
/// `content`. The text is not stored: it is rendered from the template and the
/// values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageContent {
    /// Channel of the message.
    pub channel: Channel,
    /// Address from the customer's profile.
    pub to: Text<254>,
    /// Digest of the campaign's template, and version of the rendering rules.
    pub template: TemplateIdentity,
    /// Values that the template used, and digest of the text.
    pub content: PersonalContent,
}

impl MessageContent {
    /// Returns the address of a message to a customer: the email address, or else
    /// the phone number.
    pub fn address(email: Option<&str>, phone: Option<&str>) -> Option<(Channel, Text<254>)> {
        let ways = [(Channel::Email, email), (Channel::Phone, phone)];
        ways.into_iter().find_map(|(channel, to)| {
            let to = Text::try_from(to?.to_owned()).ok()?;
            Some((channel, to))
        })
    }

    /// Returns the content of a message to this customer; amounts in its text
    /// are in `currency`.
    ///
    /// # Errors
    /// The reason why the customer gets no message.
    pub fn new(
        renderer: &Renderer,
        currency: Currency,
        customer: &CustomerId,
        facts: &CustomerFacts,
    ) -> Result<Self, Suppression> {
        if facts.unsubscribed {
            return Err(Suppression::Unsubscribed);
        }
        let address = Self::address(facts.email.as_deref(), facts.phone.as_deref());
        let (channel, to) = address.ok_or(Suppression::NoAddress)?;
        let values = renderer.values(customer, facts, currency);
        let content = renderer.personalize(values);
        let content = content.map_err(|error| Suppression::Template {
            detail: error.to_string(),
        })?;
        Ok(Self {
            channel,
            to,
            template: renderer.identity(),
            content,
        })
    }
}

/// Channel of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Email, to an email address.
    Email,
    /// Phone, to a phone number.
    Phone,
}

impl Channel {
    /// Returns the name in JSON and in views: `email`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
        }
    }
}

/// Reason why a recipient gets no message, with details.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Suppression {
    /// The customer opted out of messages.
    Unsubscribed,
    /// The customer has neither an email address nor a phone number.
    NoAddress,
    /// The template cannot be rendered for the customer.
    Template {
        /// Error of the rendering.
        detail: String,
    },
    /// The customer has reached the limit of messages per week.
    FrequencyCap {
        /// Limit of messages per week.
        most: u32,
    },
    /// The campaign was cancelled before the message was sent.
    Cancelled,
    /// The address is on the suppression list.
    SuppressionList {
        /// Reason why it is on the list.
        detail: ListedFor,
    },
    /// Another customer with the same address gets the campaign's message.
    DuplicateAddress {
        /// Customer who gets it.
        customer_id: CustomerId,
    },
}

/// Reason of a [`Suppression`], without details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionReason {
    /// The customer opted out of messages.
    Unsubscribed,
    /// The customer has no address.
    NoAddress,
    /// The template cannot be rendered for the customer.
    Template,
    /// The customer has reached the limit of messages per week.
    FrequencyCap,
    /// The campaign was cancelled.
    Cancelled,
    /// The address is on the suppression list.
    SuppressionList,
    /// Another customer with the same address gets the message.
    DuplicateAddress,
}

impl Suppression {
    /// Returns the reason without details.
    pub fn reason(&self) -> SuppressionReason {
        match self {
            Self::Unsubscribed => SuppressionReason::Unsubscribed,
            Self::NoAddress => SuppressionReason::NoAddress,
            Self::Template { .. } => SuppressionReason::Template,
            Self::FrequencyCap { .. } => SuppressionReason::FrequencyCap,
            Self::Cancelled => SuppressionReason::Cancelled,
            Self::SuppressionList { .. } => SuppressionReason::SuppressionList,
            Self::DuplicateAddress { .. } => SuppressionReason::DuplicateAddress,
        }
    }
}

impl SuppressionReason {
    /// Returns the name in JSON and in views: `no_address`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unsubscribed => "unsubscribed",
            Self::NoAddress => "no_address",
            Self::Template => "template",
            Self::FrequencyCap => "frequency_cap",
            Self::Cancelled => "cancelled",
            Self::SuppressionList => "suppression_list",
            Self::DuplicateAddress => "duplicate_address",
        }
    }
}

/// Acceptance of a message by the vendor, and the data that the sender had read
/// by then.
///
/// The last two fields are absent from older events, which did not record them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// Id of the message at the vendor.
    pub vendor_message_id: Text<128>,
    /// Time at which the accepted request began, by the sender's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_at: Option<Timestamp>,
    /// Number, within its partition, of the last event of the customer that the
    /// sender had read by then; 0 if the customer had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_seen: Option<u64>,
}

impl From<Text<128>> for Handover {
    /// Returns a handover with only the vendor's id of the message.
    fn from(vendor_message_id: Text<128>) -> Self {
        Self {
            vendor_message_id,
            began_at: None,
            customer_seen: None,
        }
    }
}
