//! Custom attributes of customers and properties of activities.
//!
//! # Shape
//! A value is a boolean, a number, a text, or an object of values. Objects nest
//! up to [`MAX_NESTING`] names deep, and a value within them is reached by a
//! path of names joined by dots: `address.city`. An object that is stored is
//! never empty, and neither is a text.

mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::{Change, Name, Text};

pub use read::Properties;

/// Maximum number of attributes of a customer, and of properties of an
/// activity. The values within an object count one by one.
pub const MAX_ATTRIBUTES: usize = 64;

/// Maximum number of names in the path of a value: `a.b.c`.
pub const MAX_NESTING: usize = 3;

/// Key of an attribute.
pub type AttributeKey = Name;

/// Value of an attribute: a boolean, a number, a text of at most 1,024 bytes, or
/// an object of such values.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum AttributeValue {
    /// A boolean.
    Flag(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Number(f64),
    /// A text.
    Text(Text<1024>),
    /// Values by name, at least one.
    Nested(Attributes),
}

/// Attributes by key.
pub type Attributes = BTreeMap<AttributeKey, AttributeValue>;

/// Changes of attributes, key by key; `null` clears an attribute. An object
/// replaces the whole value of its key.
pub type AttributeChanges = BTreeMap<AttributeKey, Change<AttributeValue>>;

impl AttributeValue {
    /// Returns the number of values that are not objects.
    pub fn leaf_count(&self) -> usize {
        match self {
            Self::Nested(values) => leaf_count(values),
            _ => 1,
        }
    }

    /// Calls `each` for every value that is not an object, with its path, which
    /// begins with `path`.
    pub(crate) fn for_each_leaf(&self, path: String, each: &mut impl FnMut(String, &Self)) {
        match self {
            Self::Nested(values) => {
                for (name, value) in values {
                    value.for_each_leaf(format!("{path}.{name}"), each);
                }
            }
            leaf => each(path, leaf),
        }
    }
}

/// Returns the number of values in `values` that are not objects.
pub fn leaf_count(values: &Attributes) -> usize {
    values.values().map(AttributeValue::leaf_count).sum()
}

/// Path of an attribute's value: one to [`MAX_NESTING`] names joined by dots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributePath(Vec<Name>);

/// Reason why a text is not the path of an attribute.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttributePathError {
    /// A part of the path is not a name.
    #[error("{0:?} must be 1 to 64 of letters, digits, _ and -")]
    Part(String),
    /// The path has this many names.
    #[error("attributes are nested at most {MAX_NESTING} names deep, not {0}")]
    TooDeep(usize),
}

impl AttributePath {
    /// Returns the value at this path, `None` if there is none.
    pub fn find<'a>(
        &self,
        attributes: &'a BTreeMap<String, AttributeValue>,
    ) -> Option<&'a AttributeValue> {
        let (first, rest) = self.0.split_first()?;
        rest.iter()
            .try_fold(attributes.get(first.as_str())?, |value, name| match value {
                AttributeValue::Nested(values) => values.get(name),
                _ => None,
            })
    }
}

impl TryFrom<&str> for AttributePath {
    type Error = AttributePathError;

    fn try_from(text: &str) -> Result<Self, AttributePathError> {
        let name = |part: &str| {
            Name::try_from(part.to_owned()).map_err(|_| AttributePathError::Part(part.to_owned()))
        };
        let names: Vec<Name> = text.split('.').map(name).collect::<Result<_, _>>()?;
        match names.len() {
            count if count > MAX_NESTING => Err(AttributePathError::TooDeep(count)),
            _ => Ok(Self(names)),
        }
    }
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            write!(f, "{dot}{name}")?;
        }
        Ok(())
    }
}
