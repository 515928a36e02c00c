//! Catalog of the fields that a rule can name.

use std::fmt;

use super::error::quoted;
use super::facts::CustomerFacts;
use crate::{AttributeKey, AttributeValue, Name, Timestamp};

/// Field of the catalog: its name, its accessor, and its path in a customer's
/// document.
struct Entry {
    name: &'static str,
    get: Get,
    path: &'static str,
}

/// Accessor of a field. Its variant determines the kind of the field.
#[derive(Clone, Copy)]
enum Get {
    Text(fn(&CustomerFacts) -> Option<&String>),
    Tags(fn(&CustomerFacts) -> &[String]),
    Flag(fn(&CustomerFacts) -> bool),
    Count(fn(&CustomerFacts) -> i64),
    /// Count of an activity. A document has it only after the first such
    /// activity.
    Activity(&'static str),
    Money(fn(&CustomerFacts) -> i64),
    /// Amount of money that may be absent.
    Average(fn(&CustomerFacts) -> Option<i64>),
    Time(fn(&CustomerFacts) -> Option<Timestamp>),
    /// Whole days from the instant to the current time.
    Days(fn(&CustomerFacts) -> Option<Timestamp>),
}

/// Fields with fixed names. Entries are never removed: segments in the log name
/// them.
#[rustfmt::skip]
static FIELDS: &[Entry] = &[
    Entry { name: "name", get: Get::Text(|c| c.name.as_ref()), path: "name" },
    Entry { name: "email", get: Get::Text(|c| c.email.as_ref()), path: "email" },
    Entry { name: "phone", get: Get::Text(|c| c.phone.as_ref()), path: "phone" },
    Entry { name: "city", get: Get::Text(|c| c.city.as_ref()), path: "city" },
    Entry { name: "country", get: Get::Text(|c| c.country.as_ref()), path: "country" },
    Entry { name: "tags", get: Get::Tags(|c| &c.tags), path: "tags" },
    Entry { name: "registered_at", get: Get::Time(|c| c.registered_at), path: "registered_at" },
    Entry { name: "days_since_registered", get: Get::Days(|c| c.registered_at), path: "registered_at" },
    Entry { name: "unsubscribed", get: Get::Flag(|c| c.unsubscribed), path: "unsubscribed" },
    Entry { name: "total_spend", get: Get::Money(|c| c.total_spend), path: "total_spend" },
    Entry { name: "order_count", get: Get::Count(|c| c.order_count), path: "order_count" },
    Entry { name: "average_order_value", get: Get::Average(|c| c.average_order_value), path: "average_order_value" },
    Entry { name: "first_order_at", get: Get::Time(|c| c.first_order_at), path: "first_order_at" },
    Entry { name: "last_order_at", get: Get::Time(|c| c.last_order_at), path: "last_order_at" },
    Entry { name: "days_since_last_order", get: Get::Days(|c| c.last_order_at), path: "last_order_at" },
    Entry { name: "visits", get: Get::Activity("visit"), path: "events.visit.count" },
];

/// Patterns of the fields whose names contain names from the shop.
const FAMILIES: [&str; 3] = [
    "attributes.<key>",
    "events.<name>.count",
    "events.<name>.last_at",
];

/// Kind of values that a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// A set of texts.
    Tags,
    /// `true` or `false`.
    Flag,
    /// A whole number, at least 0.
    Count,
    /// An amount in minor units of the deployment's currency.
    Money,
    /// An instant.
    Time,
    /// Whole days from an instant to the current time, rounded down.
    Days,
    /// Any value that the shop stored: a text, a number, a boolean, or a time.
    Attribute,
}

/// Presence of a field in customers' documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Every document has the field.
    Always,
    /// A customer may lack the field.
    Optional,
    /// A document without the field means 0.
    ZeroIfAbsent,
}

/// Value of a field for one customer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// No value.
    Absent,
    /// A boolean.
    Flag(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Number(f64),
    /// A text.
    Text(&'a str),
    /// An instant.
    Time(Timestamp),
    /// A set of texts.
    Tags(&'a [String]),
}

/// Field that a rule can refer to.
#[derive(Clone)]
pub struct Field(Named);

#[derive(Clone)]
enum Named {
    Listed(&'static Entry),
    Attribute(AttributeKey),
    ActivityCount(Name),
    ActivityLastAt(Name),
}

impl Field {
    /// Looks up a field by its name.
    ///
    /// # Errors
    /// A message for the user that describes the problem with the name.
    pub fn named(name: &str) -> Result<Self, String> {
        if let Some(entry) = FIELDS.iter().find(|entry| entry.name == name) {
            return Ok(Self(Named::Listed(entry)));
        }
        let part = |part: &str| {
            let (name, shown) = (quoted(name), quoted(part));
            let reason = format!("{name}: {shown} must be 1 to 64 of A-Z a-z 0-9 _ -");
            Name::try_from(part.to_owned()).map_err(|_| reason)
        };
        if let Some(key) = name.strip_prefix("attributes.") {
            return part(key).map(|key| Self(Named::Attribute(key)));
        }
        match name
            .strip_prefix("events.")
            .and_then(|rest| rest.rsplit_once('.'))
        {
            Some((activity, "count")) => part(activity).map(|n| Self(Named::ActivityCount(n))),
            Some((activity, "last_at")) => part(activity).map(|n| Self(Named::ActivityLastAt(n))),
            _ => Err(unknown(name)),
        }
    }

    /// Returns the names of all fields; patterns contain a placeholder.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FIELDS.iter().map(|entry| entry.name).chain(FAMILIES)
    }

    /// Returns the kind of values that the field holds.
    pub fn kind(&self) -> Kind {
        match &self.0 {
            Named::Listed(entry) => match entry.get {
                Get::Text(_) => Kind::Text,
                Get::Tags(_) => Kind::Tags,
                Get::Flag(_) => Kind::Flag,
                Get::Count(_) | Get::Activity(_) => Kind::Count,
                Get::Money(_) | Get::Average(_) => Kind::Money,
                Get::Time(_) => Kind::Time,
                Get::Days(_) => Kind::Days,
            },
            Named::Attribute(_) => Kind::Attribute,
            Named::ActivityCount(_) => Kind::Count,
            Named::ActivityLastAt(_) => Kind::Time,
        }
    }

    /// Returns the path in a customer's document, with steps joined by dots.
    pub fn path(&self) -> String {
        match &self.0 {
            Named::Listed(entry) => entry.path.to_owned(),
            _ => self.to_string(),
        }
    }

    /// Returns the presence of the field in documents.
    pub fn presence(&self) -> Presence {
        match &self.0 {
            Named::Listed(entry) => match entry.get {
                Get::Flag(_) | Get::Count(_) | Get::Money(_) => Presence::Always,
                Get::Activity(_) => Presence::ZeroIfAbsent,
                Get::Text(_) | Get::Tags(_) | Get::Average(_) | Get::Time(_) | Get::Days(_) => {
                    Presence::Optional
                }
            },
            Named::ActivityCount(_) => Presence::ZeroIfAbsent,
            Named::Attribute(_) | Named::ActivityLastAt(_) => Presence::Optional,
        }
    }

    /// Returns a customer's value. For [`Kind::Days`], this is the instant that
    /// the days are counted from.
    pub fn value<'a>(&self, facts: &'a CustomerFacts) -> Value<'a> {
        match &self.0 {
            Named::Listed(entry) => match entry.get {
                Get::Text(get) => get(facts).map_or(Value::Absent, |text| Value::Text(text)),
                Get::Tags(get) => match get(facts) {
                    [] => Value::Absent,
                    tags => Value::Tags(tags),
                },
                Get::Flag(get) => Value::Flag(get(facts)),
                Get::Count(get) | Get::Money(get) => Value::Integer(get(facts)),
                Get::Activity(name) => activity_count(facts, name),
                Get::Average(get) => get(facts).map_or(Value::Absent, Value::Integer),
                Get::Time(get) | Get::Days(get) => time(get(facts)),
            },
            Named::Attribute(key) => attribute(facts.attributes.get(key.as_str())),
            Named::ActivityCount(name) => activity_count(facts, name.as_str()),
            Named::ActivityLastAt(name) => {
                time(facts.events.get(name.as_str()).and_then(|e| e.last_at))
            }
        }
    }
}

fn time(at: Option<Timestamp>) -> Value<'static> {
    at.map_or(Value::Absent, Value::Time)
}

fn activity_count(facts: &CustomerFacts, name: &str) -> Value<'static> {
    Value::Integer(facts.events.get(name).map_or(0, |event| event.count))
}

fn attribute(value: Option<&AttributeValue>) -> Value<'_> {
    match value {
        None => Value::Absent,
        Some(AttributeValue::Flag(flag)) => Value::Flag(*flag),
        Some(AttributeValue::Integer(number)) => Value::Integer(*number),
        Some(AttributeValue::Number(number)) => Value::Number(*number),
        Some(AttributeValue::Text(text)) => Value::Text(text.as_str()),
    }
}

fn unknown(name: &str) -> String {
    let known: Vec<&str> = Field::names().collect();
    let shown = quoted(name);
    format!("unknown field {shown}, expected one of {}", known.join(" "))
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Named::Listed(entry) => f.write_str(entry.name),
            Named::Attribute(key) => write!(f, "attributes.{key}"),
            Named::ActivityCount(name) => write!(f, "events.{name}.count"),
            Named::ActivityLastAt(name) => write!(f, "events.{name}.last_at"),
        }
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Field({self})")
    }
}

impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Named::Listed(a), Named::Listed(b)) => a.name == b.name,
            (Named::Attribute(a), Named::Attribute(b))
            | (Named::ActivityCount(a), Named::ActivityCount(b))
            | (Named::ActivityLastAt(a), Named::ActivityLastAt(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Field {}
