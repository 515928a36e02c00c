//! Changes of a customer, field by field.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::consent_record::ConsentRecord;
use crate::{AddressId, AddressKey, AttributeChanges, Change, Email, Phone, Text, Timestamp};

/// Changes of a customer's fields.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CustomerChanges {
    /// Personal data. All personal data of a customer is in this one value.
    #[serde(default, skip_serializing_if = "ProfileChanges::is_empty")]
    pub profile: ProfileChanges,
    /// Ids of the addresses in the profile. They are absent from older events.
    #[serde(default, skip_serializing_if = "AddressChanges::is_empty")]
    pub addresses: AddressChanges,
    /// City of residence.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub city: Change<Text<128>>,
    /// Country of residence.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub country: Change<Text<128>>,
    /// Labels that the shop assigned; replaces the whole set.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub tags: Change<BTreeSet<Text<64>>>,
    /// Time of registration with the shop.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub registered_at: Change<Timestamp>,
    /// True if the customer opted out of messages.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub unsubscribed: Change<bool>,
    /// Source, wording and time of the consent or the opt-out. An event has it only
    /// together with `unsubscribed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<ConsentRecord>,
    /// Time at which the source last changed the customer, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
}

impl CustomerChanges {
    /// Applies later changes to these. Of changes that were applied from the first
    /// event on, the result is the customer's data.
    pub fn extend(&mut self, later: Self) {
        let Self {
            profile,
            addresses,
            city,
            country,
            tags,
            registered_at,
            unsubscribed,
            consent,
            updated_at,
        } = later;
        replace(&mut self.profile.name, profile.name);
        replace(&mut self.profile.email, profile.email);
        replace(&mut self.profile.phone, profile.phone);
        match (&mut self.profile.attributes, profile.attributes) {
            (Change::Set(before), Change::Set(after)) => before.extend(after),
            (before, after) => replace(before, after),
        }
        replace(&mut self.addresses.email, addresses.email);
        replace(&mut self.addresses.phone, addresses.phone);
        replace(&mut self.city, city);
        replace(&mut self.country, country);
        replace(&mut self.tags, tags);
        replace(&mut self.registered_at, registered_at);
        if !unsubscribed.is_keep() {
            self.unsubscribed = unsubscribed;
            self.consent = consent;
        }
        self.updated_at = updated_at.or(self.updated_at);
    }
}

fn replace<T>(before: &mut Change<T>, after: Change<T>) {
    if !after.is_keep() {
        *before = after;
    }
}

/// Changes of the ids of a customer's addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AddressChanges {
    /// Id of the email address.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub email: Change<AddressId>,
    /// Id of the phone number.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub phone: Change<AddressId>,
}

impl AddressChanges {
    /// Returns the ids of the addresses in a profile.
    pub fn of(profile: &ProfileChanges, key: &AddressKey) -> Self {
        Self {
            email: profile.email.as_ref().map(|email| key.email(email)),
            phone: profile.phone.as_ref().map(|phone| key.phone(phone)),
        }
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Changes of a customer's personal data.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ProfileChanges {
    /// Full name.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub name: Change<Text<256>>,
    /// Email address.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub email: Change<Email>,
    /// Phone number; in the shop's notation in older events.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub phone: Change<Phone>,
    /// Custom attributes. Each key is a field of its own; `null` in place of
    /// the object clears all of them.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub attributes: Change<AttributeChanges>,
}

impl ProfileChanges {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
