//! Reading of attribute values.
//!
//! An object is read entry by entry, so that a fault is reported at the entry
//! and not at the object around it.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::{AttributeValue, Attributes, MAX_NESTING};
use crate::{Name, Text};

/// Properties of an activity, as clients send them: empty texts, nulls and
/// empty objects are left out.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(transparent)]
pub struct Properties(pub Attributes);

impl<'de> Deserialize<'de> for Properties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = ObjectVisitor { nesting: 1 };
        deserializer.deserialize_map(object).map(Self)
    }
}

impl<'de> Deserialize<'de> for AttributeValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = ValueSeed::<Present> {
            nesting: 1,
            empty: PhantomData,
        };
        value.deserialize(deserializer)
    }
}

/// Treatment of a null, an empty text and an empty object.
trait Empty {
    /// Type that an accepted value becomes.
    type Output;

    /// Returns an accepted value.
    fn accept(value: AttributeValue) -> Self::Output;

    /// Returns the result for an empty value.
    fn empty<E: de::Error>() -> Result<Self::Output, E>;

    /// Returns the result for a null.
    fn null<E: de::Error>(expected: &dyn de::Expected) -> Result<Self::Output, E>;
}

/// A value must be there: an attribute is cleared with `null`, which the change
/// of an attribute stands for.
struct Present;

/// An empty value is left out.
struct LeftOut;

impl Empty for Present {
    type Output = AttributeValue;

    fn accept(value: AttributeValue) -> AttributeValue {
        value
    }

    fn empty<E: de::Error>() -> Result<AttributeValue, E> {
        Err(E::custom("must not be empty (null clears a field)"))
    }

    fn null<E: de::Error>(expected: &dyn de::Expected) -> Result<AttributeValue, E> {
        Err(E::invalid_type(de::Unexpected::Unit, expected))
    }
}

impl Empty for LeftOut {
    type Output = Option<AttributeValue>;

    fn accept(value: AttributeValue) -> Option<AttributeValue> {
        Some(value)
    }

    fn empty<E: de::Error>() -> Result<Option<AttributeValue>, E> {
        Ok(None)
    }

    fn null<E: de::Error>(_: &dyn de::Expected) -> Result<Option<AttributeValue>, E> {
        Ok(None)
    }
}

/// Reads a value whose path has `nesting` names.
struct ValueSeed<P> {
    nesting: usize,
    empty: PhantomData<P>,
}

impl<'de, P: Empty> DeserializeSeed<'de> for ValueSeed<P> {
    type Value = P::Output;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<P::Output, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, P: Empty> Visitor<'de> for ValueSeed<P> {
    type Value = P::Output;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a boolean, a number, a string of 1 to 1024 bytes, or an object of these")
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<P::Output, E> {
        Ok(P::accept(AttributeValue::Flag(flag)))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<P::Output, E> {
        Ok(P::accept(AttributeValue::Integer(number)))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<P::Output, E> {
        let value = match i64::try_from(number) {
            Ok(number) => AttributeValue::Integer(number),
            Err(_) => AttributeValue::Number(number as f64),
        };
        Ok(P::accept(value))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<P::Output, E> {
        Ok(P::accept(AttributeValue::Number(number)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<P::Output, E> {
        if text.is_empty() {
            return P::empty();
        }
        let text = Text::try_from(text.to_owned()).map_err(E::custom)?;
        Ok(P::accept(AttributeValue::Text(text)))
    }

    fn visit_unit<E: de::Error>(self) -> Result<P::Output, E> {
        P::null(&self)
    }

    fn visit_map<M: MapAccess<'de>>(self, entries: M) -> Result<P::Output, M::Error> {
        if self.nesting >= MAX_NESTING {
            let reason = format!("objects are nested at most {MAX_NESTING} names deep");
            return Err(de::Error::custom(reason));
        }
        let object = ObjectVisitor {
            nesting: self.nesting + 1,
        };
        let values = object.visit_map(entries)?;
        match values.is_empty() {
            true => P::empty(),
            false => Ok(P::accept(AttributeValue::Nested(values))),
        }
    }
}

/// Reads an object whose values have paths of `nesting` names.
struct ObjectVisitor {
    nesting: usize,
}

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Attributes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut entries: M) -> Result<Attributes, M::Error> {
        let mut values = Attributes::new();
        while let Some(name) = entries.next_key::<Name>()? {
            let value = entries.next_value_seed(ValueSeed::<LeftOut> {
                nesting: self.nesting,
                empty: PhantomData,
            })?;
            if let Some(value) = value {
                values.insert(name, value);
            }
        }
        Ok(values)
    }
}
