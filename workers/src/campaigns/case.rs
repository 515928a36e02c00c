//! Decision for one recipient: a message, or the reason for its suppression.

use domain::{Address, Currency, MessageCommand, MessageContent, Renderer, Suppression};
use projections::recipients::Recipient;

/// Recipient to decide on, and what the decision depends on.
pub(super) struct RecipientCase {
    pub(super) recipient: Recipient,
    /// Number of messages that count toward the weekly cap.
    pub(super) received: u64,
    /// State of the address that a message would go to; that of an unknown one if the
    /// customer has none.
    pub(super) address: Address,
    /// Whether the customer holds the claim of the address.
    pub(super) is_claimed: bool,
}

impl RecipientCase {
    /// Returns the reason for which there is no message now, and may be one later.
    pub(super) fn obstacle(&self, most: Option<u32>) -> Option<Suppression> {
        if self.address.is_unsubscribed() {
            return Some(Suppression::Unsubscribed);
        }
        let listed = self.address.listed_for();
        let listed = listed.map(|detail| Suppression::SuppressionList { detail });
        listed.or_else(|| self.cap(most))
    }

    fn cap(&self, most: Option<u32>) -> Option<Suppression> {
        let most = most.filter(|most| self.received >= u64::from(*most))?;
        Some(Suppression::FrequencyCap { most })
    }
}

/// Decides whether a customer gets a message, apart from other customers with the same
/// address. The order of the reasons is documented in docs/api.md. `most` is the weekly
/// cap; amounts in the text are in `currency`.
///
/// A claim was made for a message that was to be queued, and others may be suppressed
/// because of it. So its holder's message is queued, whatever has become of the address
/// since then; sending checks the address again.
pub(super) fn decide(
    renderer: &Renderer,
    currency: Currency,
    case: &RecipientCase,
    most: Option<u32>,
) -> MessageCommand {
    let Recipient { customer, document } = &case.recipient;
    if document.unsubscribed {
        return MessageCommand::Suppress(Suppression::Unsubscribed);
    }
    let obstacle = case.obstacle(most).filter(|_| !case.is_claimed);
    // The cap comes last, so that a customer who cannot get a message anyway is
    // recorded with that reason. Only those who are left claim their address.
    let (first, last) = match obstacle {
        Some(cap @ Suppression::FrequencyCap { .. }) => (None, Some(cap)),
        other => (other, None),
    };
    if let Some(why) = first {
        return MessageCommand::Suppress(why);
    }
    let content = MessageContent::new(renderer, currency, customer, &document.facts());
    match (content, last) {
        (Err(why), _) | (Ok(_), Some(why)) => MessageCommand::Suppress(why),
        (Ok(content), None) => MessageCommand::Queue(content),
    }
}

#[cfg(test)]
mod tests {
    use cqrs_es::Aggregate;
    use domain::{AddressCommand, Channel, ListedFor, Template, TextDigest};
    use projections::customers::CustomerDocument;

    use super::*;

    fn somebody() -> CustomerDocument {
        CustomerDocument {
            name: Some("Jo".to_owned()),
            email: Some("jo@example.com".to_owned()),
            phone: Some("+49 30 1".to_owned()),
            ..CustomerDocument::default()
        }
    }

    /// Decides for a customer with `received` messages this week and a cap of `most`.
    fn made(document: CustomerDocument, received: u64, most: Option<u32>) -> MessageCommand {
        made_at(Address::default(), document, received, most)
    }

    /// Decides like `made`, for an address with a history.
    fn made_at(
        address: Address,
        document: CustomerDocument,
        received: u64,
        most: Option<u32>,
    ) -> MessageCommand {
        let customer = "c-1".try_into().unwrap();
        let recipient = Recipient { customer, document };
        made_for(
            RecipientCase {
                recipient,
                received,
                address,
                is_claimed: false,
            },
            most,
        )
    }

    fn made_for(case: RecipientCase, most: Option<u32>) -> MessageCommand {
        let template = Template::try_from("Hello {{ name }}".to_owned()).unwrap();
        let currency = Currency::try_from("USD").unwrap();
        let renderer = Renderer::new(&template).unwrap();
        decide(&renderer, currency, &case, most)
    }

    fn queued(document: CustomerDocument) -> MessageContent {
        match made(document, 0, None) {
            MessageCommand::Queue(content) => content,
            other => panic!("{other:?}"),
        }
    }

    fn suppressed(document: CustomerDocument, received: u64, most: Option<u32>) -> Suppression {
        match made(document, received, most) {
            MessageCommand::Suppress(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_message_goes_to_the_email_address_or_else_to_the_phone() {
        let content = queued(somebody());
        assert_eq!(content.channel, Channel::Email);
        assert_eq!(content.to.as_str(), "jo@example.com");
        let values = serde_json::to_value(&content.content.values).unwrap();
        assert_eq!(values, serde_json::json!({"name": "Jo"}));
        assert_eq!(content.content.digest, TextDigest::of("Hello Jo"));
        let by_phone = queued(CustomerDocument {
            email: None,
            ..somebody()
        });
        assert_eq!(by_phone.channel, Channel::Phone);
        assert_eq!(by_phone.to.as_str(), "+49 30 1");
    }

    #[test]
    fn a_customer_without_a_message_has_a_reason() {
        let unsubscribed = CustomerDocument {
            unsubscribed: true,
            ..somebody()
        };
        assert_eq!(
            suppressed(unsubscribed, 9, Some(1)),
            Suppression::Unsubscribed
        );
        let unreachable = CustomerDocument {
            email: None,
            phone: None,
            ..somebody()
        };
        assert_eq!(suppressed(unreachable, 9, Some(1)), Suppression::NoAddress);
        let nameless = CustomerDocument {
            name: None,
            ..somebody()
        };
        let why = suppressed(nameless, 9, Some(1));
        assert!(matches!(why, Suppression::Template { .. }), "{why:?}");
    }

    fn after(command: AddressCommand) -> Address {
        let mut address = Address::default();
        for event in address.decide(command) {
            address.apply(event);
        }
        address
    }

    fn unsubscribed_address() -> Address {
        after(AddressCommand::Unsubscribe {
            customer: "c-2".try_into().unwrap(),
            version: 1,
        })
    }

    #[test]
    fn the_message_of_a_claim_is_queued_whatever_happened_since_then() {
        let case = |document| RecipientCase {
            recipient: Recipient {
                customer: "c-1".try_into().unwrap(),
                document,
            },
            received: 9,
            address: unsubscribed_address(),
            is_claimed: true,
        };
        let made = made_for(case(somebody()), Some(1));
        assert!(matches!(made, MessageCommand::Queue(_)), "{made:?}");
    }

    #[test]
    fn an_address_is_checked_before_the_template_and_the_cap() {
        let nobody = || CustomerDocument {
            name: None,
            ..somebody()
        };
        let unsubscribed = unsubscribed_address();
        let listed = after(AddressCommand::Suppress {
            channel: Channel::Email,
            to: "jo@example.com".to_owned().try_into().unwrap(),
        });
        for (address, expected) in [
            (unsubscribed, Suppression::Unsubscribed),
            (
                listed,
                Suppression::SuppressionList {
                    detail: ListedFor::Manual,
                },
            ),
        ] {
            match made_at(address, nobody(), 9, Some(1)) {
                MessageCommand::Suppress(why) => assert_eq!(why, expected),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn the_weekly_cap_suppresses_further_messages() {
        let capped = Suppression::FrequencyCap { most: 2 };
        assert_eq!(suppressed(somebody(), 2, Some(2)), capped);
        assert!(matches!(
            made(somebody(), 1, Some(2)),
            MessageCommand::Queue(_)
        ));
        assert!(matches!(
            made(somebody(), 9, None),
            MessageCommand::Queue(_)
        ));
    }
}
