//! What a message is called outside the log.

use std::fmt;
use std::str::FromStr;

use crate::{CampaignId, CustomerId};

/// The one message of a campaign to a customer. Its text is
/// `msg_CAMPAIGN_CUSTOMER`, where CAMPAIGN is the campaign's id without its
/// `cmp_`: whoever has it can route it, and no campaign has two messages to
/// one customer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// To whom.
    pub customer: CustomerId,
}

/// The text names no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a message's id is msg_, a campaign's 32 hexadecimal digits, _ and a customer's id")]
pub struct MessageIdError;

const PREFIX: &str = "msg_";
const CAMPAIGN: &str = "cmp_";

impl MessageId {
    /// What the ids of a campaign's messages begin with; a customer's id
    /// follows.
    pub fn start(campaign: &CampaignId) -> String {
        let campaign = campaign.as_str();
        let digits = campaign.strip_prefix(CAMPAIGN).unwrap_or(campaign);
        format!("{PREFIX}{digits}_")
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
    fn an_id_tells_campaign_and_customer() {
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
    fn other_texts_name_no_message() {
        let digits = "0".repeat(32);
        for text in [
            "",
            "msg_1",
            &format!("msg_{digits}"),
            &format!("msg_{digits}_"),
            &format!("msg_{digits}_a/b"),
            &format!("msg_{}_c-1", "G".repeat(32)),
            &format!("MSG_{digits}_c-1"),
        ] {
            assert_eq!(text.parse::<MessageId>(), Err(MessageIdError), "{text}");
        }
    }
}
