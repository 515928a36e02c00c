//! Customers of a campaign who share an address: one of them gets the message.

use std::collections::HashMap;

use domain::{Channel, CustomerId, Email, MessageEvent, Suppression, TextDigest};

use super::report::DiscrepancyKind;

/// Addresses of a campaign's messages. Customers may be in several partitions, so
/// those of all partitions are judged together.
#[derive(Default)]
pub(super) struct AddressUses {
    /// Customers whose message was queued, with a digest of their address.
    queued: HashMap<CustomerId, TextDigest>,
    /// Customers without a message since another one gets it at their address.
    duplicates: HashMap<CustomerId, CustomerId>,
}

impl AddressUses {
    /// Takes note of a message's event.
    pub(super) fn note(&mut self, customer: &CustomerId, event: &MessageEvent) {
        match event {
            MessageEvent::Queued(content) => {
                let address = digest(content.channel, content.to.as_str());
                self.queued.insert(customer.clone(), address);
            }
            MessageEvent::Suppressed {
                why: Suppression::DuplicateAddress { customer_id },
                ..
            } => {
                self.duplicates
                    .insert(customer.clone(), customer_id.clone());
            }
            _ => {}
        }
    }

    /// Returns the uses of all partitions.
    pub(super) fn all(uses: impl Iterator<Item = Self>) -> Self {
        let mut all = Self::default();
        for one in uses {
            all.queued.extend(one.queued);
            all.duplicates.extend(one.duplicates);
        }
        all
    }

    /// Returns each customer at fault: an address that got several messages, and a
    /// duplicate of a customer who got none. Until the audience is resolved, that one's
    /// message may still be queued, or never if the campaign is cancelled.
    pub(super) fn judge(self, is_resolved: bool) -> Vec<(DiscrepancyKind, CustomerId, String)> {
        let mut faults = Vec::new();
        for (customer, winner) in self.duplicates.iter().filter(|_| is_resolved) {
            if !self.queued.contains_key(winner) {
                let detail = format!("was suppressed for {winner}, whose message was not queued");
                faults.push((
                    DiscrepancyKind::DuplicateWithoutMessage,
                    customer.clone(),
                    detail,
                ));
            }
        }
        let mut queued: Vec<_> = self.queued.into_iter().collect();
        queued.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        let mut first: HashMap<TextDigest, CustomerId> = HashMap::new();
        for (customer, address) in queued {
            match first.get(&address) {
                Some(other) => {
                    let detail = format!("was queued for the address of {other} too");
                    faults.push((DiscrepancyKind::AddressQueuedTwice, customer, detail));
                }
                None => drop(first.insert(address, customer)),
            }
        }
        faults.sort_unstable_by(|one, other| one.1.cmp(&other.1));
        faults
    }
}

/// Returns a digest that is equal for spellings of one address.
fn digest(channel: Channel, to: &str) -> TextDigest {
    match (channel, Email::try_from(to.to_owned())) {
        (Channel::Email, Ok(email)) => TextDigest::of(&email.comparable()),
        _ => TextDigest::of(to),
    }
}

#[cfg(test)]
mod tests {
    use domain::{MessageContent, Renderer, Template};

    use super::*;

    fn customer(id: &str) -> CustomerId {
        id.try_into().unwrap()
    }

    fn queued(to: &str) -> MessageEvent {
        let template = Template::try_from("Hi".to_owned()).unwrap();
        let renderer = Renderer::new(&template).unwrap();
        MessageEvent::Queued(MessageContent {
            channel: Channel::Email,
            to: to.to_owned().try_into().unwrap(),
            template: renderer.identity(),
            content: renderer.personalize(Default::default()).unwrap(),
        })
    }

    fn duplicate_of(id: &str) -> MessageEvent {
        let customer_id = customer(id);
        MessageEvent::Suppressed {
            why: Suppression::DuplicateAddress { customer_id },
            from: None,
        }
    }

    /// Judges these events, each in a partition of its own.
    fn faults(events: Vec<(&str, MessageEvent)>) -> Vec<(DiscrepancyKind, String)> {
        let uses = events.into_iter().map(|(id, event)| {
            let mut uses = AddressUses::default();
            uses.note(&customer(id), &event);
            uses
        });
        let faults = AddressUses::all(uses).judge(true).into_iter();
        faults
            .map(|(kind, customer, _)| (kind, customer.to_string()))
            .collect()
    }

    #[test]
    fn one_customer_of_an_address_gets_the_message() {
        let right = vec![
            ("a", queued("Ada@example.com")),
            ("b", duplicate_of("a")),
            ("c", queued("cy@example.com")),
        ];
        assert_eq!(faults(right), []);
        let twice = vec![
            ("a", queued("Ada@example.com")),
            ("b", queued("ada@EXAMPLE.com")),
        ];
        let expected = (DiscrepancyKind::AddressQueuedTwice, "b".to_owned());
        assert_eq!(faults(twice), [expected]);
        let none = vec![("b", duplicate_of("a"))];
        let expected = (DiscrepancyKind::DuplicateWithoutMessage, "b".to_owned());
        assert_eq!(faults(none), [expected]);
    }
}
