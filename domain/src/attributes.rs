//! Free attributes of a customer, and properties of an activity.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Change, Name, Text};

/// How many attributes a customer may have, and properties an activity.
pub const MAX_ATTRIBUTES: usize = 64;

/// The key of an attribute.
pub type AttributeKey = Name;

/// The value of an attribute: a boolean, a number or a text of at most 1,024
/// bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "must be a boolean, a number or a text of 1 to 1024 bytes"
)]
pub enum AttributeValue {
    /// `true` or `false`.
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

/// A change of attributes, key by key: `null` clears one.
pub type AttributeChanges = BTreeMap<AttributeKey, Change<AttributeValue>>;
