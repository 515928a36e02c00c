//! Public ids of messages.

use std::fmt;
use std::str::FromStr;

use crate::{CampaignId, CustomerId};

/// Id of a campaign's one message to a customer. Its text is
/// `msg_CAMPAIGN_CUSTOMER`, where CAMPAIGN is the campaign's id without its
/// `cmp_`. The id alone determines the partition, and a campaign cannot have
/// two messages to one customer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    /// Campaign of the message.
    pub campaign: CampaignId,
    /// Customer who receives it.
    pub customer: CustomerId,
}

/// Error for a text that is not a message id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a message id is msg_, the campaign's 32 hexadecimal digits, _, and the customer's id")]
pub struct MessageIdError;

const PREFIX: &str = "msg_";
const CAMPAIGN: &str = "cmp_";

impl MessageId {
    /// Returns the common prefix of the ids of a campaign's messages. The
    /// customer's id follows it.
    pub fn start(campaign: &CampaignId) -> String {
        let campaign = campaign.as_str();
        let digits = campaign.strip_prefix(CAMPAIGN).unwrap_or(campaign);
        format!("{PREFIX}{digits}_")
    }

    /// Returns a text that sorts after the ids of a campaign's messages, and
    /// before those of the next campaign's.
    pub fn end(campaign: &CampaignId) -> String {
        let mut end = Self::start(campaign);
        end.pop();
        // The character after the `_` that ends the prefix.
        end.push('`');
        end
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Self::start(&self.campaign), self.customer)
    }
}

impl FromStr for MessageId {
    type Err = MessageIdError;

    fn from_str(text: &str) -> Result<Self, MessageIdError> {
        let rest = text.strip_prefix(PREFIX).ok_or(MessageIdError)?;
        let (digits, customer) = rest.split_once('_').ok_or(MessageIdError)?;
        let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        if digits.len() != 32 || !digits.chars().all(is_digit) {
            return Err(MessageIdError);
        }
        let campaign = CampaignId::try_from(format!("{CAMPAIGN}{digits}"));
        Ok(Self {
            campaign: campaign.map_err(|_| MessageIdError)?,
            customer: CustomerId::try_from(customer).map_err(|_| MessageIdError)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_contains_campaign_and_customer() {
        let id = MessageId {
            campaign: CampaignId::from(0x1af),
            customer: CustomerId::try_from("jo_1@example.com").unwrap(),
        };
        let text = id.to_string();
        assert_eq!(
            text,
            "msg_000000000000000000000000000001af_jo_1@example.com"
        );
        assert_eq!(text.parse(), Ok(id));
    }

    #[test]
    fn the_ids_of_a_campaign_lie_between_its_start_and_its_end() {
        let of = |campaign, customer: &str| MessageId {
            campaign: CampaignId::from(campaign),
            customer: CustomerId::try_from(customer).unwrap(),
        };
        let (start, end) = (
            MessageId::start(&CampaignId::from(7)),
            MessageId::end(&CampaignId::from(7)),
        );
        for customer in ["!", "a/b c", "~", "Ä", "🛒"] {
            let id = of(7, customer).to_string();
            assert!(start < id && id < end, "{id}");
            assert!(of(8, customer).to_string() > end);
            assert_eq!(id.parse(), Ok(of(7, customer)));
        }
    }

    #[test]
    fn other_texts_are_not_message_ids() {
        let digits = "0".repeat(32);
        for text in [
            "",
            "msg_1",
            &format!("msg_{digits}"),
            &format!("msg_{digits}_"),
            &format!("msg_{digits}_ a"),
            &format!("msg_{digits}_a\nb"),
            &format!("msg_{}_c-1", "G".repeat(32)),
            &format!("MSG_{digits}_c-1"),
        ] {
            assert_eq!(text.parse::<MessageId>(), Err(MessageIdError), "{text}");
        }
    }
}
