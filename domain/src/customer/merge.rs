//! Merging a customer into another one.

use std::collections::{BTreeMap, BTreeSet};

use xxhash_rust::xxh3::xxh3_64;

use super::{
    Absorbed, Customer, CustomerChanges, CustomerError, CustomerEvent, ProfileChanges,
    apply_attributes, consent_state,
};
use crate::{
    AddressChanges, AttributeChanges, AttributeKey, AttributeValue, Change, CustomerId,
    MAX_ATTRIBUTES, Timestamp,
};

/// Data of a merged customer for the customer who takes it over.
#[derive(Debug, Clone)]
pub struct Forwarding {
    /// The merged customer.
    pub from: CustomerId,
    /// Number of the last event of the merged customer whose data this is.
    pub up_to: u64,
    /// The data.
    pub changes: CustomerChanges,
    /// Whether the data only fills what is empty, as the data from before the merge
    /// does. Data that is recorded later is applied as if it was sent under the id of
    /// the customer who takes it over.
    pub fills: bool,
}

/// Which data of merged customers a customer has taken over: a digest of each
/// merged customer's id, and the number of the last event.
pub(super) type TakenOver = Vec<(u64, u64)>;

impl Customer {
    /// Returns the customer that this one was merged into.
    pub fn merged_into(&self) -> Option<&CustomerId> {
        self.merged.as_ref()
    }

    pub(super) fn decide_merge(
        &self,
        into: CustomerId,
    ) -> Result<Option<CustomerEvent>, CustomerError> {
        match &self.merged {
            Some(known) if *known == into => Ok(None),
            Some(other) => Err(CustomerError::Merged(other.clone())),
            None => Ok(Some(CustomerEvent::Merged { into })),
        }
    }

    pub(super) fn decide_forwarded(&self, up_to: u64) -> Option<CustomerEvent> {
        (self.merged.is_some() && self.forwarded < up_to)
            .then_some(CustomerEvent::Forwarded { up_to })
    }

    /// Returns the event with which data of a merged customer is taken over; `None`
    /// if it was before.
    pub(super) fn take_over(
        &self,
        forwarding: Forwarding,
        now: Timestamp,
    ) -> Option<CustomerEvent> {
        let Forwarding {
            from,
            up_to,
            changes,
            fills,
        } = forwarding;
        if self.taken_over(&from).is_some_and(|known| known >= up_to) {
            return None;
        }
        let absorbed = match fills {
            true => self.filled(from, up_to, changes, now),
            false => {
                let mut changes = match self.is_older(&changes) {
                    true => self.stale(changes, now).unwrap_or_default(),
                    false => self.effective(changes, now),
                };
                let left_out = self.leave_out_attributes(&mut changes.profile.attributes);
                Absorbed {
                    from,
                    up_to,
                    changes,
                    fills,
                    tags: BTreeSet::new(),
                    left_out,
                }
            }
        };
        Some(CustomerEvent::Absorbed(Box::new(absorbed)))
    }

    fn filled(
        &self,
        from: CustomerId,
        up_to: u64,
        changes: CustomerChanges,
        now: Timestamp,
    ) -> Absorbed {
        let CustomerChanges {
            profile,
            addresses,
            city,
            country,
            tags,
            registered_at,
            unsubscribed,
            consent,
            updated_at: _,
        } = changes;
        let email = self.empty("email", profile.email);
        let phone = self.empty("phone", profile.phone);
        let addresses = AddressChanges {
            email: if email.is_keep() {
                Change::Keep
            } else {
                addresses.email
            },
            phone: if phone.is_keep() {
                Change::Keep
            } else {
                addresses.phone
            },
        };
        let (attributes, left_out) = self.empty_attributes(profile.attributes);
        let tags = match tags {
            Change::Set(tags) => tags,
            Change::Keep | Change::Clear => BTreeSet::new(),
        };
        // Of two opt-outs the later one is kept, so that no consent in between lifts it.
        let given = consent.as_ref().and_then(|consent| consent.at);
        let is_stricter = !self.is_unsubscribed() || given > self.consent_at;
        let opted_out = unsubscribed == Change::Set(true) && is_stricter;
        Absorbed {
            from,
            up_to,
            fills: true,
            changes: CustomerChanges {
                profile: ProfileChanges {
                    name: self.empty("name", profile.name),
                    email,
                    phone,
                    attributes,
                },
                addresses,
                city: self.empty("city", city),
                country: self.empty("country", country),
                tags: Change::Keep,
                registered_at: self.empty("registered_at", registered_at),
                unsubscribed: if opted_out {
                    Change::Set(true)
                } else {
                    Change::Keep
                },
                consent: match opted_out {
                    true => consent_state::kept(consent, true, now),
                    false => None,
                },
                updated_at: None,
            },
            tags,
            left_out,
        }
    }

    /// Returns the change if it gives a field that is empty a value.
    fn empty<T>(&self, name: &str, change: Change<T>) -> Change<T> {
        match change {
            Change::Set(value) if !self.fields.contains_key(name) => Change::Set(value),
            _ => Change::Keep,
        }
    }

    /// Returns the attributes that this customer does not have, as far as there is
    /// room for them, and the names of the others.
    fn empty_attributes(
        &self,
        change: Change<AttributeChanges>,
    ) -> (Change<AttributeChanges>, Vec<String>) {
        let Change::Set(given) = change else {
            return (Change::Keep, Vec::new());
        };
        let mut taken = AttributeChanges::new();
        let mut left_out = Vec::new();
        let mut all = self.attributes.clone();
        for (key, change) in given {
            let Change::Set(value) = change else { continue };
            if self.has_attribute(&key) {
                continue;
            }
            match has_room(&all, &value) {
                true => {
                    let one = AttributeChanges::from([(key, Change::Set(value))]);
                    apply_attributes(&mut all, &Change::Set(one.clone()));
                    taken.extend(one);
                }
                false => left_out.push(key.to_string()),
            }
        }
        let taken = match taken.is_empty() {
            true => Change::Keep,
            false => Change::Set(taken),
        };
        (taken, left_out)
    }

    /// Leaves out new attributes for which there is no room. Returns their names.
    fn leave_out_attributes(&self, change: &mut Change<AttributeChanges>) -> Vec<String> {
        let Change::Set(given) = change else {
            return Vec::new();
        };
        let mut all = self.attributes.clone();
        let mut left_out = Vec::new();
        given.retain(|key, change| {
            let mut after = all.clone();
            let one = AttributeChanges::from([(key.clone(), change.clone())]);
            apply_attributes(&mut after, &Change::Set(one));
            let fits = after.len() <= MAX_ATTRIBUTES.max(all.len());
            match fits {
                true => all = after,
                false => left_out.push(key.to_string()),
            }
            fits
        });
        if given.is_empty() {
            *change = Change::Keep;
        }
        left_out
    }

    fn has_attribute(&self, key: &AttributeKey) -> bool {
        self.attributes.keys().any(|path| super::is_at(path, key))
    }

    fn taken_over(&self, from: &CustomerId) -> Option<u64> {
        let digest = xxh3_64(from.as_str().as_bytes());
        let found = self.taken_over.iter().find(|(known, _)| *known == digest);
        found.map(|(_, up_to)| *up_to)
    }

    pub(super) fn remember_taken_over(&mut self, from: &CustomerId, up_to: u64) {
        let digest = xxh3_64(from.as_str().as_bytes());
        self.taken_over.retain(|(known, _)| *known != digest);
        self.taken_over.push((digest, up_to));
    }
}

fn has_room(attributes: &BTreeMap<String, u64>, value: &AttributeValue) -> bool {
    attributes.len() + value.leaf_count() <= MAX_ATTRIBUTES
}
