//! A customer's document.

use std::collections::BTreeMap;

use bson::DateTime;
use domain::{AttributeValue, Instants};
use serde::{Deserialize, Serialize};

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
    /// What a search matches the start of: id, name, e-mail, in lower case.
    pub search: Vec<String>,
    /// The times of all orders that count.
    pub order_times: Instants,
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
    pub times: Instants,
}

impl CustomerDocument {
    /// How many names of activity a customer has facts for. A client that
    /// makes up a name per event would otherwise grow a document past what
    /// MongoDB can hold.
    pub const MAX_EVENT_NAMES: usize = 200;
}
