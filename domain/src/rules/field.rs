//! The catalogue: every field that a rule can name.

use std::fmt;

use super::error::quoted;
use super::facts::CustomerFacts;
use crate::{AttributeKey, AttributeValue, Name, Timestamp};

/// A field by its name, what it holds, how to get it, and where it lies in a
/// customer's document.
struct Entry {
    name: &'static str,
    get: Get,
    path: &'static str,
}

/// How a field is got from the facts. Which way tells what it holds.
#[derive(Clone, Copy)]
enum Get {
    Text(fn(&CustomerFacts) -> Option<&String>),
    Tags(fn(&CustomerFacts) -> &[String]),
    Flag(fn(&CustomerFacts) -> bool),
    Count(fn(&CustomerFacts) -> i64),
    /// As an activity's count: a document has it only from the first on.
    Activity(&'static str),
    Money(fn(&CustomerFacts) -> i64),
    /// Money that not everybody has.
    Average(fn(&CustomerFacts) -> Option<i64>),
    Time(fn(&CustomerFacts) -> Option<Timestamp>),
    /// Whole days from then to now.
    Days(fn(&CustomerFacts) -> Option<Timestamp>),
}

/// All fields with a name of their own. What is once here stays: segments in
/// the log name it.
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

/// The forms of the fields that are named by what a shop calls its things.
const FAMILIES: [&str; 3] = [
    "attributes.<key>",
    "events.<name>.count",
    "events.<name>.last_at",
];

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// A set of texts.
    Tags,
    /// `true` or `false`.
    Flag,
    /// A whole number from 0.
    Count,
    /// Minor units of the deployment's currency.
    Money,
    /// An instant.
    Time,
    /// Whole days from an instant to the clock, rounded down.
    Days,
    /// Whatever the shop put there: a text, a number, a boolean, a time.
    Attribute,
}

/// Whether a document without the field means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Every document has it.
    Always,
    /// A customer may be without.
    Optional,
    /// A document without it means 0.
    ZeroIfAbsent,
}

/// A customer's value of a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// There is none.
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

/// A field that a rule can ask for.
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
    /// The field of this name.
    ///
    /// # Errors
    /// What is wrong with the name, for people.
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

    /// The names of all fields, those of families with a placeholder.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FIELDS.iter().map(|entry| entry.name).chain(FAMILIES)
    }

    /// What it holds.
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

    /// Where it lies in a customer's document, its steps joined by dots.
    pub fn path(&self) -> String {
        match &self.0 {
            Named::Listed(entry) => entry.path.to_owned(),
            _ => self.to_string(),
        }
    }

    /// Whether every document has it.
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

    /// A customer's value. Of [`Kind::Days`] it is the instant they are
    /// counted from.
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
