//! Custom attributes of customers and properties of activities.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Change, Name, Text};

/// Maximum number of attributes of a customer, and of properties of an
/// activity.
pub const MAX_ATTRIBUTES: usize = 64;

/// Key of an attribute.
pub type AttributeKey = Name;

/// Value of an attribute: a boolean, a number, or a text of at most 1,024
/// bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "must be a boolean, a number, or a string of 1 to 1024 bytes"
)]
pub enum AttributeValue {
    /// A boolean.
    Flag(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Number(f64),
    /// A text.
    Text(Text<1024>),
}

/// Attributes by key.
pub type Attributes = BTreeMap<AttributeKey, AttributeValue>;

/// Changes of attributes, key by key; `null` clears an attribute.
pub type AttributeChanges = BTreeMap<AttributeKey, Change<AttributeValue>>;
