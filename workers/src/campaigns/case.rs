//! Decision for one recipient: a message, or the reason for its suppression.

use domain::{Address, Currency, MessageCommand, MessageContent, Renderer, Suppression};
use projections::recipients::Recipient;

/// Recipient to decide on, the number of messages that count toward the weekly cap,
/// and the address that a message would go to.
pub(super) struct RecipientCase {
    pub(super) recipient: Recipient,
    pub(super) received: u64,
    /// State of the address; that of an unknown one if the customer has none.
    pub(super) address: Address,
}

/// Decides whether a customer gets a message, apart from other customers with the same
/// address. The order of the reasons is documented in docs/api.md. `most` is the weekly cap; amounts in
/// the text are in `currency`.
pub(super) fn decide(
    renderer: &Renderer,
    currency: Currency,
    case: &RecipientCase,
    most: Option<u32>,
) -> MessageCommand {
    let RecipientCase {
        recipient,
        received,
        address,
    } = case;
    let Recipient { customer, document } = recipient;
    if document.unsubscribed || address.is_unsubscribed() {
        return MessageCommand::Suppress(Suppression::Unsubscribed);
    }
    if let Some(detail) = address.listed_for() {
        return MessageCommand::Suppress(Suppression::SuppressionList { detail });
    }
    let content = MessageContent::new(renderer, currency, customer, &document.facts());
    // The cap comes last, so that a customer who cannot get a message anyway is
    // recorded with that reason. Only those who are left claim their address.
    match (content, most) {
        (Err(why), _) => MessageCommand::Suppress(why),
        (Ok(_), Some(most)) if *received >= u64::from(most) => {
            MessageCommand::Suppress(Suppression::FrequencyCap { most })
        }
        (Ok(content), _) => MessageCommand::Queue(content),
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
        let template = Template::try_from("Hello {{ name }}".to_owned()).unwrap();
        let currency = Currency::try_from("USD").unwrap();
        let renderer = Renderer::new(&template).unwrap();
        let customer = "c-1".try_into().unwrap();
        let recipient = Recipient { customer, document };
        decide(
            &renderer,
            currency,
            &RecipientCase {
                recipient,
                received,
                address,
            },
            most,
        )
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

    #[test]
    fn an_address_is_checked_before_the_template_and_the_cap() {
        let nobody = || CustomerDocument {
            name: None,
            ..somebody()
        };
        let after = |command| {
            let mut address = Address::default();
            for event in address.decide(command) {
                address.apply(event);
            }
            address
        };
        let unsubscribed = after(AddressCommand::Unsubscribe {
            customer: "c-2".try_into().unwrap(),
            version: 1,
        });
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
