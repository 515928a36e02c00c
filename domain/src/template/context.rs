//! What a template may name, and what that is for a customer.

use std::collections::BTreeMap;

use minijinja::Value;

use crate::rules::{ActivityFacts, CustomerFacts};
use crate::{AttributeValue, CustomerId, Timestamp};

/// What a template may name. A customer who has no value for one has none in
/// the template either. What is once here stays: campaigns in the log name it.
pub(super) const FIELDS: [&str; 17] = [
    "customer_id",
    "name",
    "email",
    "phone",
    "city",
    "country",
    "tags",
    "attributes",
    "registered_at",
    "unsubscribed",
    "total_spend",
    "order_count",
    "average_order_value",
    "first_order_at",
    "last_order_at",
    "visits",
    "events",
];

/// The fields for a customer.
pub(super) fn context(customer: &CustomerId, facts: &CustomerFacts) -> Value {
    let mut fields: BTreeMap<&str, Value> = BTreeMap::new();
    fields.insert("customer_id", customer.as_str().into());
    let texts = [
        ("name", &facts.name),
        ("email", &facts.email),
        ("phone", &facts.phone),
        ("city", &facts.city),
        ("country", &facts.country),
    ];
    fields.extend(
        texts
            .into_iter()
            .filter_map(|(name, text)| Some((name, text.as_deref()?.into()))),
    );
    let times = [
        ("registered_at", facts.registered_at),
        ("first_order_at", facts.first_order_at),
        ("last_order_at", facts.last_order_at),
    ];
    fields.extend(
        times
            .into_iter()
            .filter_map(|(name, at)| Some((name, time(at?)))),
    );
    fields.insert("tags", facts.tags.clone().into());
    let attributes = facts.attributes.iter();
    let attributes: BTreeMap<&str, Value> = attributes
        .map(|(key, value)| (key.as_str(), attribute(value)))
        .collect();
    fields.insert("attributes", attributes.into());
    fields.insert("unsubscribed", facts.unsubscribed.into());
    fields.insert("total_spend", facts.total_spend.into());
    fields.insert("order_count", facts.order_count.into());
    fields.extend(
        facts
            .average_order_value
            .map(|value| ("average_order_value", value.into())),
    );
    let visits = facts.events.get("visit").map_or(0, |visit| visit.count);
    fields.insert("visits", visits.into());
    let events = facts.events.iter();
    let events: BTreeMap<&str, Value> = events
        .map(|(name, event)| (name.as_str(), activity(*event)))
        .collect();
    fields.insert("events", events.into());
    fields.into()
}

fn activity(event: ActivityFacts) -> Value {
    let mut known = BTreeMap::from([("count", Value::from(event.count))]);
    known.extend(event.last_at.map(|at| ("last_at", time(at))));
    known.into()
}

fn time(at: Timestamp) -> Value {
    at.to_string().into()
}

fn attribute(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::Flag(flag) => (*flag).into(),
        AttributeValue::Integer(number) => (*number).into(),
        AttributeValue::Number(number) => (*number).into(),
        AttributeValue::Text(text) => text.as_str().into(),
    }
}
