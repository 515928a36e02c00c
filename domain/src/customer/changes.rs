//! What is said of a customer, field by field.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{AttributeChanges, Change, Email, Text, Timestamp};

/// A change of each field of a customer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CustomerChanges {
    /// Personal data, all of it, in one value.
    #[serde(default, skip_serializing_if = "ProfileChanges::is_empty")]
    pub profile: ProfileChanges,
    /// Where they live.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub city: Change<Text<128>>,
    /// In which country.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub country: Change<Text<128>>,
    /// Labels the shop gave them; the whole set.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub tags: Change<BTreeSet<Text<64>>>,
    /// Since when they are a customer.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub registered_at: Change<Timestamp>,
    /// Whether they want no messages.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub unsubscribed: Change<bool>,
}

/// The personal data within [`CustomerChanges`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ProfileChanges {
    /// Their name.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub name: Change<Text<256>>,
    /// Their e-mail address.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub email: Change<Email>,
    /// Their telephone number, as the shop writes it.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub phone: Change<Text<32>>,
    /// Anything else; each key is a field of its own, `null` for all clears all.
    #[serde(default, skip_serializing_if = "Change::is_keep")]
    pub attributes: Change<AttributeChanges>,
}

impl ProfileChanges {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
