//! Codec of events, on top of serde's derive. An event enum has one newtype or
//! struct variant per event type, renamed to the type's tag. The tag and the
//! content are stored apart, so the variant's name is taken from the tag, and
//! the variant's content is read from and written to the data alone.

use std::fmt;

use serde::de::{
    self, DeserializeOwned, DeserializeSeed, EnumAccess, IntoDeserializer, VariantAccess, Visitor,
};
use serde::ser::{self, Impossible, SerializeStruct, SerializeStructVariant};
use serde::{Deserializer, Serialize, Serializer, forward_to_deserialize_any};
use serde_json::de::StrRead;
use serde_json::value::RawValue;

use super::DecodeError;

/// Error for types that are not such an enum. No event type causes it.
const NOT_AN_EVENT: &str = "an event is an enum of newtype and struct variants";

/// Decodes an event of type `E` from its tag and the JSON of its content.
pub(super) fn decode<E: DeserializeOwned>(tag: &str, data: &str) -> Result<E, DecodeError> {
    let mut stored = Stored {
        tag,
        is_known: false,
        data: serde_json::Deserializer::from_str(data),
    };
    let event = E::deserialize(&mut stored);
    // The data ends with the content.
    let event = event.and_then(|event| stored.data.end().map(|()| event));
    event.map_err(|source| match stored.is_known {
        true => DecodeError::Malformed {
            tag: tag.to_owned(),
            source,
        },
        false => DecodeError::Unknown(tag.to_owned()),
    })
}

/// Returns the names of the variants of `E`.
pub(super) fn variants<E: DeserializeOwned>() -> &'static [&'static str] {
    let mut variants: &[&str] = &[];
    // The deserializer always fails, once it was told the names.
    let _failed = E::deserialize(Variants(&mut variants));
    variants
}

/// Returns the tag of an event.
pub(super) fn tag<E: Serialize>(event: &E) -> &'static str {
    // The serializer only fails for types that are not event enums.
    event.serialize(TagSerializer).unwrap_or_default()
}

/// Returns the content of an event as JSON.
pub(super) fn content<E: Serialize>(event: &E) -> Box<RawValue> {
    // Contents of events are structs of strings, integers, and finite numbers
    // with string keys, for which serde_json has no error.
    serde_json::value::to_raw_value(&Content(event)).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// Event as stored: deserializes as the variant `tag` with the content `data`.
struct Stored<'a, 'de> {
    tag: &'a str,
    /// True once a variant of this name was found.
    is_known: bool,
    data: serde_json::Deserializer<StrRead<'de>>,
}

impl<'de> Deserializer<'de> for &mut Stored<'_, 'de> {
    type Error = serde_json::Error;

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_enum(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom(NOT_AN_EVENT))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> EnumAccess<'de> for &mut Stored<'_, 'de> {
    type Error = serde_json::Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self), Self::Error> {
        let variant = seed.deserialize(self.tag.into_deserializer())?;
        self.is_known = true;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for &mut Stored<'_, 'de> {
    type Error = serde_json::Error;

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<S::Value, Self::Error> {
        seed.deserialize(&mut self.data)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.data.deserialize_struct("", fields, visitor)
    }

    fn unit_variant(self) -> Result<(), Self::Error> {
        Err(de::Error::custom(NOT_AN_EVENT))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom(NOT_AN_EVENT))
    }
}

/// Deserializer that stores the names of an enum's variants and then fails.
struct Variants<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Variants<'_> {
    type Error = de::value::Error;

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = variants;
        self.deserialize_any(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom(""))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// Implements the other parts of a [`Serializer`] for newtype and struct
/// variants alone.
macro_rules! reject_all_else {
    () => {
        type SerializeSeq = Impossible<Self::Ok, Self::Error>;
        type SerializeTuple = Impossible<Self::Ok, Self::Error>;
        type SerializeTupleStruct = Impossible<Self::Ok, Self::Error>;
        type SerializeTupleVariant = Impossible<Self::Ok, Self::Error>;
        type SerializeMap = Impossible<Self::Ok, Self::Error>;
        type SerializeStruct = Impossible<Self::Ok, Self::Error>;

        reject_all_else! {
            serialize_bool(bool) -> Self::Ok;
            serialize_i8(i8) -> Self::Ok;
            serialize_i16(i16) -> Self::Ok;
            serialize_i32(i32) -> Self::Ok;
            serialize_i64(i64) -> Self::Ok;
            serialize_u8(u8) -> Self::Ok;
            serialize_u16(u16) -> Self::Ok;
            serialize_u32(u32) -> Self::Ok;
            serialize_u64(u64) -> Self::Ok;
            serialize_f32(f32) -> Self::Ok;
            serialize_f64(f64) -> Self::Ok;
            serialize_char(char) -> Self::Ok;
            serialize_str(&str) -> Self::Ok;
            serialize_bytes(&[u8]) -> Self::Ok;
            serialize_none() -> Self::Ok;
            serialize_some<T>(&T) -> Self::Ok;
            serialize_unit() -> Self::Ok;
            serialize_unit_struct(&'static str) -> Self::Ok;
            serialize_unit_variant(&'static str, u32, &'static str) -> Self::Ok;
            serialize_newtype_struct<T>(&'static str, &T) -> Self::Ok;
            serialize_seq(Option<usize>) -> Self::SerializeSeq;
            serialize_tuple(usize) -> Self::SerializeTuple;
            serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
            serialize_tuple_variant(&'static str, u32, &'static str, usize)
                -> Self::SerializeTupleVariant;
            serialize_map(Option<usize>) -> Self::SerializeMap;
            serialize_struct(&'static str, usize) -> Self::SerializeStruct;
        }
    };
    ($($method:ident $(<$value:ident>)? ($($argument:ty),*) -> $ok:ty;)*) => {$(
        fn $method $(<$value: ?Sized + Serialize>)? (
            self,
            $(_: $argument,)*
        ) -> Result<$ok, Self::Error> {
            Err(ser::Error::custom(NOT_AN_EVENT))
        }
    )*};
}

/// Serializer that returns the name of the variant and ignores its content.
struct TagSerializer;

impl Serializer for TagSerializer {
    type Ok = &'static str;
    type Error = fmt::Error;
    type SerializeStructVariant = Tag;

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _content: &T,
    ) -> Result<Self::Ok, Self::Error> {
        Ok(variant)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _fields: usize,
    ) -> Result<Tag, Self::Error> {
        Ok(Tag(variant))
    }

    reject_all_else!();
}

struct Tag(&'static str);

impl SerializeStructVariant for Tag {
    type Ok = &'static str;
    type Error = fmt::Error;

    fn serialize_field<T: ?Sized + Serialize>(
        &mut self,
        _name: &'static str,
        _value: &T,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    fn end(self) -> Result<Self::Ok, Self::Error> {
        Ok(self.0)
    }
}

/// Content of an event, without the variant around it.
struct Content<'a, E>(&'a E);

impl<E: Serialize> Serialize for Content<'_, E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(ContentSerializer(serializer))
    }
}

/// Serializer that serializes a variant as its content: a struct variant as a
/// struct, and a newtype variant as the value in it.
struct ContentSerializer<S>(S);

impl<S: Serializer> Serializer for ContentSerializer<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeStructVariant = Fields<S::SerializeStruct>;

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        content: &T,
    ) -> Result<Self::Ok, Self::Error> {
        content.serialize(self.0)
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _index: u32,
        _variant: &'static str,
        fields: usize,
    ) -> Result<Self::SerializeStructVariant, Self::Error> {
        self.0.serialize_struct(name, fields).map(Fields)
    }

    reject_all_else!();
}

struct Fields<S>(S);

impl<S: SerializeStruct> SerializeStructVariant for Fields<S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_field<T: ?Sized + Serialize>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Self::Error> {
        self.0.serialize_field(name, value)
    }

    fn skip_field(&mut self, name: &'static str) -> Result<(), Self::Error> {
        self.0.skip_field(name)
    }

    fn end(self) -> Result<Self::Ok, Self::Error> {
        self.0.end()
    }
}
