//! Document of the view `customers`.

use std::collections::BTreeMap;

use bson::{Bson, DateTime, Document};
use domain::rules::{ActivityFacts, CustomerFacts, fold_case, time_in};
use domain::{AddressId, AttributeValue};
use serde::{Deserialize, Serialize};

use super::days::Days;
use super::times::Times;
use crate::runtime::date::{date, timestamp};

/// Current state of a customer. Money is in minor units of the deployment's
/// currency.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CustomerDocument {
    /// True if the shop has sent the customer's profile. A customer may be known from
    /// orders or activity alone.
    pub registered: bool,
    /// Full name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Email address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Ids of the addresses, by which suppressions and other customers with the same
    /// address are found.
    #[serde(default, skip_serializing_if = "AddressIds::is_empty")]
    pub addresses: AddressIds,
    /// City of residence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Country of residence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Tags in ascending order.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Free attributes that the shop sent, by name.
    #[serde(default)]
    pub attributes: BTreeMap<String, AttributeValue>,
    /// Time of registration, if the shop sent one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_at: Option<DateTime>,
    /// True if the customer has unsubscribed from messages.
    pub unsubscribed: bool,
    /// Sum of the orders that count without what was paid back of them, in minor
    /// units. Cancelled and refunded orders do not count.
    pub total_spend: i64,
    /// What was paid back of the orders that count, in minor units. `total_spend`
    /// is without it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refunded: i64,
    /// Number of orders that count.
    pub order_count: i64,
    /// Total spend divided by the number of orders, rounded half up, in minor
    /// units. `None` without an order that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_order_value: Option<i64>,
    /// Time of the first order that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_order_at: Option<DateTime>,
    /// Time of the last order that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_order_at: Option<DateTime>,
    /// Activity by folded name, at most [`Self::MAX_EVENT_NAMES`] names.
    #[serde(default)]
    pub events: BTreeMap<String, EventFacts>,
    /// Number of activities under names beyond the first
    /// [`Self::MAX_EVENT_NAMES`].
    #[serde(default)]
    pub other_events: i64,
    /// Case-folded texts, which rules compare without regard to case.
    #[serde(default, skip_serializing_if = "FoldedTexts::is_empty")]
    pub folded: FoldedTexts,
    /// Times that were parsed from text attributes.
    #[serde(default, skip_serializing_if = "TimesWithin::is_empty")]
    pub instants: TimesWithin,
    /// Texts whose beginnings a search matches: id, name and email address, in
    /// lower case.
    pub search: Vec<String>,
    /// Times of all orders that count.
    pub order_times: Times,
    /// Count and sum of the orders that count, by day.
    #[serde(default, skip_serializing_if = "Days::is_empty")]
    pub order_days: Days,
    /// Set if the customer was merged into another one. Such a customer is no member
    /// of anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged: Option<MergeState>,
    /// Number of buckets stored beside this document.
    #[serde(rename = "_parts", default, skip_serializing_if = "is_zero")]
    pub parts: i64,
}

fn is_zero(count: &i64) -> bool {
    *count == 0
}

/// Merge of a customer into another one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MergeState {
    /// The other customer.
    pub into: String,
    /// Number of the last event that is not copied to the other customer, if there
    /// is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<i64>,
}

/// Ids of a customer's addresses.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct AddressIds {
    /// Id of the email address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Id of the phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

impl AddressIds {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Texts folded by [`domain::rules::fold_case`], each under the path of its
/// original.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FoldedTexts {
    /// Folded name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Folded email address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Folded telephone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Folded city.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Folded country.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Folded text attributes, by name; those within objects are within documents.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Bson>,
}

/// Times that were parsed from texts, each under the path of its text. Rules
/// compare times with these.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TimesWithin {
    /// Attributes that hold a time, by name; those within objects are within
    /// documents.
    pub attributes: BTreeMap<String, Bson>,
}

impl FoldedTexts {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl TimesWithin {
    fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }
}

/// Facts about a customer's activities of one name.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EventFacts {
    /// Number of activities.
    pub count: i64,
    /// Time of the last activity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<DateTime>,
    /// Times of all activities.
    pub times: Times,
    /// Number of activities by day.
    #[serde(default, skip_serializing_if = "Days::is_empty")]
    pub days: Days,
}

/// Returns what `leaf` makes of a text, or of each text within an object, under the
/// same path; `None` if nothing results.
fn mirror(value: &AttributeValue, leaf: fn(&str) -> Option<Bson>) -> Option<Bson> {
    match value {
        AttributeValue::Text(text) => leaf(text.as_str()),
        AttributeValue::Nested(values) => {
            let values = values.iter();
            let within: Document = values
                .filter_map(|(name, value)| Some((name.to_string(), mirror(value, leaf)?)))
                .collect();
            (!within.is_empty()).then_some(Bson::Document(within))
        }
        _ => None,
    }
}

impl CustomerDocument {
    /// Maximum number of activity names with facts of their own. Without it, a
    /// client that invents a name per event would grow the document past
    /// MongoDB's limit.
    pub const MAX_EVENT_NAMES: usize = 100;

    /// Returns the sum of the orders that count before refunds, in minor units.
    pub fn gross_spend(&self) -> i64 {
        // The fold keeps this sum within 64 bits.
        self.total_spend.saturating_add(self.refunded)
    }

    /// Returns the id of the address that a message to the customer goes to;
    /// `None` if there is none, or if it was recorded before addresses had ids.
    pub fn message_address(&self) -> Option<AddressId> {
        let id = match self.email {
            Some(_) => &self.addresses.email,
            None => &self.addresses.phone,
        };
        AddressId::try_from(id.as_deref()?).ok()
    }

    /// Recomputes `folded` and `instants` from the profile and the attributes.
    pub fn derive(&mut self) {
        let fold = |text: &Option<String>| text.as_deref().map(fold_case);
        let texts = |leaf: fn(&str) -> Option<Bson>| {
            let attributes = self.attributes.iter();
            attributes.filter_map(move |(key, value)| Some((key.clone(), mirror(value, leaf)?)))
        };
        let folded = texts(|text| Some(Bson::String(fold_case(text))));
        let instants = texts(|text| Some(Bson::DateTime(date(time_in(text)?))));
        let (folded, instants) = (folded.collect(), instants.collect());
        self.instants.attributes = instants;
        self.folded = FoldedTexts {
            attributes: folded,
            name: fold(&self.name),
            email: fold(&self.email),
            phone: fold(&self.phone),
            city: fold(&self.city),
            country: fold(&self.country),
        };
    }

    /// Returns the facts that rules are evaluated on.
    pub fn facts(&self) -> CustomerFacts {
        let events = self.events.iter().map(|(name, facts)| {
            let facts = ActivityFacts {
                count: facts.count,
                last_at: facts.last_at.and_then(timestamp),
            };
            (name.clone(), facts)
        });
        CustomerFacts {
            name: self.name.clone(),
            email: self.email.clone(),
            phone: self.phone.clone(),
            city: self.city.clone(),
            country: self.country.clone(),
            tags: self.tags.clone(),
            attributes: self.attributes.clone(),
            registered_at: self.registered_at.and_then(timestamp),
            unsubscribed: self.unsubscribed,
            total_spend: self.total_spend,
            order_count: self.order_count,
            average_order_value: self.average_order_value,
            first_order_at: self.first_order_at.and_then(timestamp),
            last_order_at: self.last_order_at.and_then(timestamp),
            events: events.collect(),
        }
    }
}
