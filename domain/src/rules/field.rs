//! Catalog of the fields that a rule can name.

use std::fmt;

use super::error::quoted;
use super::facts::CustomerFacts;
use crate::{AttributePath, AttributePathError, AttributeValue, Attributes, Name, Timestamp};

/// Accessor of a field. Its variant determines the kind of the field.
#[derive(Clone, Copy)]
enum Get {
    Text(fn(&CustomerFacts) -> Option<&String>),
    Tags(fn(&CustomerFacts) -> &[String]),
    Flag(fn(&CustomerFacts) -> bool),
    Count(fn(&CustomerFacts) -> i64),
    /// Count of an activity.
    Activity(&'static str),
    Money(fn(&CustomerFacts) -> i64),
    /// Amount of money that may be absent.
    Average(fn(&CustomerFacts) -> Option<i64>),
    Time(fn(&CustomerFacts) -> Option<Timestamp>),
    /// Whole days from the instant to the current time.
    Days(fn(&CustomerFacts) -> Option<Timestamp>),
}

/// Declares the fields with fixed names: the name, and the accessor.
macro_rules! listed_fields {
    ($($field:ident = $name:literal $get:expr;)*) => {
        /// Field with a fixed name. Fields are never removed: segments in the
        /// log name them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ListedField {
            $(#[doc = concat!("`", $name, "`.")] $field,)*
        }

        impl ListedField {
            /// All fields with fixed names.
            pub const ALL: &[Self] = &[$(Self::$field),*];

            /// Returns the name in rules.
            pub fn name(self) -> &'static str {
                match self { $(Self::$field => $name,)* }
            }

            fn get(self) -> Get {
                match self { $(Self::$field => $get,)* }
            }
        }
    };
}

listed_fields! {
    Name = "name" Get::Text(|c| c.name.as_ref());
    Email = "email" Get::Text(|c| c.email.as_ref());
    Phone = "phone" Get::Text(|c| c.phone.as_ref());
    City = "city" Get::Text(|c| c.city.as_ref());
    Country = "country" Get::Text(|c| c.country.as_ref());
    Tags = "tags" Get::Tags(|c| &c.tags);
    RegisteredAt = "registered_at" Get::Time(|c| c.registered_at);
    DaysSinceRegistered = "days_since_registered" Get::Days(|c| c.registered_at);
    Unsubscribed = "unsubscribed" Get::Flag(|c| c.unsubscribed);
    TotalSpend = "total_spend" Get::Money(|c| c.total_spend);
    OrderCount = "order_count" Get::Count(|c| c.order_count);
    AverageOrderValue = "average_order_value" Get::Average(|c| c.average_order_value);
    FirstOrderAt = "first_order_at" Get::Time(|c| c.first_order_at);
    LastOrderAt = "last_order_at" Get::Time(|c| c.last_order_at);
    DaysSinceLastOrder = "days_since_last_order" Get::Days(|c| c.last_order_at);
    Visits = "visits" Get::Activity("visit");
}

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
    /// An object. It is a value, but equal to none and in no order.
    Nested(&'a Attributes),
}

/// Field that a rule can refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// A field with a fixed name.
    Listed(ListedField),
    /// `attributes.<path>`: an attribute, or a value within it.
    Attribute(AttributePath),
    /// `events.<name>.count`: the number of activities of this name, in its
    /// folded form.
    ActivityCount(Name),
    /// `events.<name>.last_at`: the time of the last activity of this name.
    ActivityLastAt(Name),
}

impl Field {
    /// Looks up a field by its name.
    ///
    /// # Errors
    /// A message for the user that describes the problem with the name.
    pub fn named(name: &str) -> Result<Self, String> {
        let mut listed = ListedField::ALL.iter();
        if let Some(field) = listed.find(|field| field.name() == name) {
            return Ok(Self::Listed(*field));
        }
        let part = |part: &str| {
            let (name, shown) = (quoted(name), quoted(part));
            let reason = format!("{name}: {shown} must be 1 to 64 of letters, digits, _ and -");
            Name::try_from(part.to_owned()).map_err(|_| reason)
        };
        if let Some(path) = name.strip_prefix("attributes.") {
            let read = AttributePath::try_from(path);
            let explained = |error: AttributePathError| match error {
                AttributePathError::Part(name) => part(&name).err().unwrap_or_default(),
                AttributePathError::TooDeep(_) => format!("{}: {error}", quoted(name)),
            };
            return read.map(Self::Attribute).map_err(explained);
        }
        match name
            .strip_prefix("events.")
            .and_then(|rest| rest.rsplit_once('.'))
        {
            Some((activity, "count")) => part(activity).map(Self::ActivityCount),
            Some((activity, "last_at")) => part(activity).map(Self::ActivityLastAt),
            _ => Err(unknown(name)),
        }
    }

    /// Returns the names of all fields; patterns contain a placeholder.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let listed = ListedField::ALL.iter().map(|field| field.name());
        listed.chain(FAMILIES)
    }

    /// Returns the kind of values that the field holds.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Listed(field) => match field.get() {
                Get::Text(_) => Kind::Text,
                Get::Tags(_) => Kind::Tags,
                Get::Flag(_) => Kind::Flag,
                Get::Count(_) | Get::Activity(_) => Kind::Count,
                Get::Money(_) | Get::Average(_) => Kind::Money,
                Get::Time(_) => Kind::Time,
                Get::Days(_) => Kind::Days,
            },
            Self::Attribute(_) => Kind::Attribute,
            Self::ActivityCount(_) => Kind::Count,
            Self::ActivityLastAt(_) => Kind::Time,
        }
    }

    /// Returns a customer's value. For [`Kind::Days`], this is the instant that
    /// the days are counted from.
    pub fn value<'a>(&self, facts: &'a CustomerFacts) -> Value<'a> {
        match self {
            Self::Listed(field) => match field.get() {
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
            Self::Attribute(path) => attribute(path.find(&facts.attributes)),
            Self::ActivityCount(name) => activity_count(facts, &name.as_folded()),
            Self::ActivityLastAt(name) => {
                let event = facts.events.get(name.as_folded().as_ref());
                time(event.and_then(|event| event.last_at))
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
        Some(AttributeValue::Nested(values)) => Value::Nested(values),
    }
}

fn unknown(name: &str) -> String {
    let known: Vec<&str> = Field::names().collect();
    let shown = quoted(name);
    format!("unknown field {shown}, expected one of {}", known.join(" "))
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listed(field) => f.write_str(field.name()),
            Self::Attribute(path) => write!(f, "attributes.{path}"),
            Self::ActivityCount(name) => write!(f, "events.{name}.count"),
            Self::ActivityLastAt(name) => write!(f, "events.{name}.last_at"),
        }
    }
}
