//! Schemas of the domain's types, which know nothing of OpenAPI.

use serde_json::json;
use utoipa::openapi::schema::{Array, ArrayBuilder, Object, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{KnownFormat, RefOr, Schema, SchemaFormat};

/// A customer's, order's or activity's id.
pub(crate) fn id() -> Object {
    string(r"^(?!\.\.?$)[A-Za-z0-9._:@+-]{1,128}$", "c-1001").build()
}

pub(crate) fn position() -> Object {
    string("^[0-9]+:[0-9]+$", "3:1842").build()
}

/// The value of `after`.
pub(crate) fn positions() -> Object {
    string("^[0-9]+:[0-9]+( *, *[0-9]+:[0-9]+)*$", "3:1842,7:12").build()
}

pub(crate) fn currency() -> Object {
    string("^[A-Z]{3}$", "USD").build()
}

/// Minor units of an order.
pub(crate) fn amount() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(0i64))
        .maximum(Some(domain::MAX_AMOUNT))
        .examples([1999])
        .build()
}

pub(crate) fn time() -> Object {
    date_time(Type::String.into())
}

pub(crate) fn nullable_time() -> Object {
    date_time(nullable(Type::String))
}

/// A text that `null` clears.
pub(crate) fn nullable_text() -> Object {
    ObjectBuilder::new()
        .schema_type(nullable(Type::String))
        .min_length(Some(1))
        .build()
}

/// The name of an attribute or of a kind of activity.
pub(crate) fn name() -> Object {
    string("^[A-Za-z0-9_-]{1,64}$", "visit").build()
}

pub(crate) fn attributes() -> Object {
    attributes_of(Type::Object.into(), attribute_value(&[]))
}

pub(crate) fn nullable_attributes() -> Object {
    attributes_of(nullable(Type::Object), attribute_value(&[Type::Null]))
}

pub(crate) fn nullable_tags() -> Array {
    ArrayBuilder::new()
        .schema_type(nullable(Type::Array))
        .items(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .min_length(Some(1)),
        )
        .max_items(Some(100))
        .build()
}

pub(crate) fn limit() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .maximum(Some(500))
        .default(Some(50.into()))
        .build()
}

pub(crate) fn order_status() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(["placed", "cancelled", "refunded"]))
        .build()
}

/// Any JSON object.
pub(crate) fn any_object() -> Object {
    ObjectBuilder::new().schema_type(Type::Object).build()
}

fn attributes_of(schema_type: SchemaType, value: Object) -> Object {
    ObjectBuilder::new()
        .schema_type(schema_type)
        .additional_properties(Some(RefOr::T(Schema::from(value))))
        .examples([json!({"shoe_size": 39})])
        .build()
}

fn attribute_value(more: &[Type]) -> Object {
    let types = [Type::Boolean, Type::Number, Type::String];
    let types = types.into_iter().chain(more.iter().cloned());
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter(types))
        .build()
}

fn string(pattern: &str, example: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
        .examples([example])
}

fn date_time(schema_type: SchemaType) -> Object {
    ObjectBuilder::new()
        .schema_type(schema_type)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .examples(["2026-11-23T01:02:03.456Z"])
        .build()
}

fn nullable(schema_type: Type) -> SchemaType {
    SchemaType::from_iter([schema_type, Type::Null])
}
