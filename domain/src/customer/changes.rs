//! Changes of a customer, field by field.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{AttributeChanges, Change, Email, Text, Timestamp};

/// Changes of a customer's fields.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CustomerChanges {
    /// Personal data. All personal data of a customer is in this one value.
    #[serde(default, skip_serializing_if = "ProfileChanges::is_empty")]
    pub profile: ProfileChanges,
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
    /// Time at which the source last changed the customer, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
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
    /// Phone number, in the shop's notation.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub phone: Change<Text<32>>,
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
