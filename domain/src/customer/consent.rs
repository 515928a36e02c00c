//! What a customer's addresses have to know before the customer changes.

use serde::{Deserialize, Serialize};

use super::AddressChanges;
use crate::{AddressCommand, AddressId, Change, CustomerId};

/// Ids of a customer's current addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Addresses {
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    email: Option<AddressId>,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    phone: Option<AddressId>,
}

impl Addresses {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the changes without those that have no effect.
    pub(super) fn effective(self, changes: AddressChanges) -> AddressChanges {
        let effective = |before: Option<AddressId>, change: Change<AddressId>| match change {
            Change::Clear if before.is_none() => Change::Keep,
            Change::Set(id) if before == Some(id) => Change::Keep,
            change => change,
        };
        AddressChanges {
            email: effective(self.email, changes.email),
            phone: effective(self.phone, changes.phone),
        }
    }

    pub(super) fn apply(&mut self, changes: AddressChanges) {
        self.email = changes.email.or(self.email);
        self.phone = changes.phone.or(self.phone);
    }

    fn iter(self) -> impl Iterator<Item = AddressId> {
        self.email.into_iter().chain(self.phone)
    }

    fn contains(self, id: AddressId) -> bool {
        self.iter().any(|own| own == id)
    }
}

/// Whether a customer opted out, and their addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Consent {
    pub(super) is_unsubscribed: bool,
    pub(super) addresses: Addresses,
}

impl Consent {
    /// Returns the commands on addresses that have to be executed before a
    /// customer's consent becomes `after`: those of an opt-out. `version` is the
    /// number of the customer's events before that.
    ///
    /// Addresses learn of it first: after a crash in between, nobody who opted
    /// out gets a message, and the request was not acknowledged.
    pub fn required(
        self,
        after: Self,
        customer: &CustomerId,
        version: u64,
    ) -> Vec<(AddressId, AddressCommand)> {
        let is_new = |id: &AddressId| !(self.is_unsubscribed && self.addresses.contains(*id));
        let told = after.addresses.iter().filter(|_| after.is_unsubscribed);
        let told = told.filter(is_new).map(|id| {
            let customer = customer.clone();
            (id, AddressCommand::Unsubscribe { customer, version })
        });
        told.collect()
    }

    /// Returns the commands on addresses that have to be executed after a customer's
    /// consent became `after`: those that take the customer off their lists.
    /// `is_consent` says that the customer consented, though perhaps not just now: an
    /// address may still have an opt-out of before. Opt-outs that were decided on a
    /// later version than `version` stay.
    ///
    /// Addresses learn of it last: nothing else would put the customer on their lists
    /// again if the consent was not recorded.
    pub fn lifted(
        self,
        after: Self,
        is_consent: bool,
        customer: &CustomerId,
        version: u64,
    ) -> Vec<(AddressId, AddressCommand)> {
        if after.is_unsubscribed || !(self.is_unsubscribed || is_consent) {
            return Vec::new();
        }
        // An address that the same change replaces is lifted too.
        let replaced = self.addresses.iter();
        let replaced = replaced.filter(|id| self.is_unsubscribed && !after.addresses.contains(*id));
        let lifted = after.addresses.iter().chain(replaced).map(|id| {
            let customer = customer.clone();
            (id, AddressCommand::Resubscribe { customer, version })
        });
        lifted.collect()
    }

    /// Returns the addresses that another customer has too.
    pub fn shared(self, other: Self) -> Vec<AddressId> {
        let own = self.addresses.iter();
        own.filter(|id| other.addresses.contains(*id)).collect()
    }

    /// Returns the commands that take the customer off the lists of addresses that
    /// were told of an opt-out which then was not recorded, since the customer
    /// changed in the meantime. `told` has the version with which each was told: an
    /// opt-out that was decided on a later one stays.
    pub fn undone(
        self,
        told: &[(AddressId, u64)],
        customer: &CustomerId,
    ) -> Vec<(AddressId, AddressCommand)> {
        let undo = |(id, version): &(AddressId, u64)| {
            let (customer, version) = (customer.clone(), *version);
            (*id, AddressCommand::Resubscribe { customer, version })
        };
        let undone = told.iter().filter(|_| !self.is_unsubscribed);
        undone.map(undo).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AddressKey, Channel};

    fn id(address: &str) -> AddressId {
        AddressKey::from([7; 32]).recipient(Channel::Email, address)
    }

    fn consent(is_unsubscribed: bool, email: &str) -> Consent {
        Consent {
            is_unsubscribed,
            addresses: Addresses {
                email: (!email.is_empty()).then(|| id(email)),
                phone: None,
            },
        }
    }

    /// Returns the commands as `-a` for an unsubscription of address `a` before the
    /// change and `+a` for a lift after it.
    fn told(before: (bool, &str), after: (bool, &str), is_consent: bool) -> Vec<String> {
        let (before, after) = (consent(before.0, before.1), consent(after.0, after.1));
        let customer = CustomerId::try_from("c-1").unwrap();
        let required = before.required(after, &customer, 1).into_iter();
        let lifted = before.lifted(after, is_consent, &customer, 1);
        let short = |(at, command): (AddressId, AddressCommand)| {
            let name = ["a", "b"].into_iter().find(|name| id(name) == at).unwrap();
            match command {
                AddressCommand::Unsubscribe { .. } => format!("-{name}"),
                AddressCommand::Resubscribe { .. } => format!("+{name}"),
                other => panic!("{other:?}"),
            }
        };
        required.chain(lifted).map(short).collect()
    }

    #[test]
    fn addresses_learn_of_consent_only_when_it_or_they_change() {
        let none: [&str; 0] = [];
        let required = |before, after| told(before, after, false);
        assert_eq!(required((false, ""), (false, "a")), none);
        assert_eq!(required((false, "a"), (false, "b")), none);
        assert_eq!(required((true, "a"), (true, "a")), none);
        assert_eq!(required((false, "a"), (true, "a")), ["-a"]);
        assert_eq!(required((false, ""), (true, "a")), ["-a"]);
        assert_eq!(required((true, "a"), (true, "b")), ["-b"]);
        assert_eq!(required((true, ""), (true, "a")), ["-a"]);
        assert_eq!(required((true, "a"), (false, "a")), ["+a"]);
        assert_eq!(required((true, "a"), (false, "b")), ["+b", "+a"]);
        assert_eq!(required((true, "a"), (false, "")), ["+a"]);
    }
    #[test]
    fn a_consent_lifts_what_an_address_still_has() {
        let none: [&str; 0] = [];
        assert_eq!(told((false, "a"), (false, "a"), true), ["+a"]);
        assert_eq!(told((false, "b"), (false, "a"), true), ["+a"]);
        assert_eq!(told((true, "a"), (true, "a"), true), none);
    }
}
