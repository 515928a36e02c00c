//! A customer's document.

use std::collections::BTreeMap;

use bson::DateTime;
use domain::rules::{ActivityFacts, CustomerFacts, fold_case, time_in};
use domain::{AttributeValue, Timestamp};
use serde::{Deserialize, Serialize};

use super::days::Days;
use super::times::Times;
use crate::date::date;

/// A customer as views know them. Money is in minor units of the deployment's
/// currency.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CustomerDocument {
    /// Whether the shop has told who they are. A customer may be known from
    /// orders alone.
    pub registered: bool,
    /// Their name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Their e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Their telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Where they live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// In which country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Labels, in order.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Anything else the shop told.
    #[serde(default)]
    pub attributes: BTreeMap<String, AttributeValue>,
    /// Since when they are a customer, if the shop told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_at: Option<DateTime>,
    /// Whether they want no messages.
    pub unsubscribed: bool,
    /// The sum of their orders that count.
    pub total_spend: i64,
    /// How many orders count.
    pub order_count: i64,
    /// Spend per order, rounded half up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_order_value: Option<i64>,
    /// The first order that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_order_at: Option<DateTime>,
    /// The last order that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_order_at: Option<DateTime>,
    /// Activity by name.
    #[serde(default)]
    pub events: BTreeMap<String, EventFacts>,
    /// Activity under names beyond the first [`Self::MAX_EVENT_NAMES`].
    #[serde(default)]
    pub other_events: i64,
    /// Texts as rules compare them without regard to case.
    #[serde(default, skip_serializing_if = "FoldedTexts::is_empty")]
    pub folded: FoldedTexts,
    /// Times within what the shop wrote as texts.
    #[serde(default, skip_serializing_if = "TimesWithin::is_empty")]
    pub instants: TimesWithin,
    /// What a search matches the start of: id, name, e-mail, in lower case.
    pub search: Vec<String>,
    /// The times of all orders that count.
    pub order_times: Times,
    /// How many orders that count there were on a day, and what they came to.
    #[serde(default, skip_serializing_if = "Days::is_empty")]
    pub order_days: Days,
    /// How many buckets there are beside this document.
    #[serde(rename = "_parts", default, skip_serializing_if = "is_zero")]
    pub parts: i64,
}

fn is_zero(count: &i64) -> bool {
    *count == 0
}

/// Texts folded as [`domain::rules::fold_case`] does, under the paths of those
/// they come from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FoldedTexts {
    /// Of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Of the e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Of the telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Of where they live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Of the country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Of the attributes that are texts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

/// Times that rules compare with, under the paths of the texts they come from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TimesWithin {
    /// Of the attributes that are times.
    pub attributes: BTreeMap<String, DateTime>,
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

/// What is known of one kind of activity.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EventFacts {
    /// How often.
    pub count: i64,
    /// The last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<DateTime>,
    /// All times.
    pub times: Times,
    /// How often on a day.
    #[serde(default, skip_serializing_if = "Days::is_empty")]
    pub days: Days,
}

impl CustomerDocument {
    /// How many names of activity a customer has facts for. A client that
    /// makes up a name per event would otherwise grow a document past what
    /// MongoDB can hold.
    pub const MAX_EVENT_NAMES: usize = 100;

    /// Writes down again what rules need of the texts.
    pub fn derive(&mut self) {
        let fold = |text: &Option<String>| text.as_deref().map(fold_case);
        let texts = self
            .attributes
            .iter()
            .filter_map(|(key, value)| match value {
                AttributeValue::Text(text) => Some((key, text.as_str())),
                _ => None,
            });
        let folded = texts
            .clone()
            .map(|(key, text)| (key.clone(), fold_case(text)));
        let instants = texts.filter_map(|(key, text)| {
            let at = time_in(text)?;
            Some((key.clone(), date(at)))
        });
        self.instants.attributes = instants.collect();
        self.folded = FoldedTexts {
            attributes: folded.collect(),
            name: fold(&self.name),
            email: fold(&self.email),
            phone: fold(&self.phone),
            city: fold(&self.city),
            country: fold(&self.country),
        };
    }

    /// What rules may ask.
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

/// A document's times were timestamps when they were written.
fn timestamp(date: DateTime) -> Option<Timestamp> {
    Timestamp::from_millis(date.timestamp_millis()).ok()
}
