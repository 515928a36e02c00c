//! Schemas of bodies with an audience: a segment or rules, but not both.

use std::borrow::Cow;
use std::marker::PhantomData;

use utoipa::openapi::schema::{Object, OneOfBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Schema of a body that requires either `segment_id` or `rules`.
pub(crate) struct AudienceSchema<B>(PhantomData<B>);

impl<B: ToSchema> PartialSchema for AudienceSchema<B> {
    fn schema() -> RefOr<Schema> {
        let schema = B::schema();
        let RefOr::T(Schema::Object(object)) = schema else {
            return schema;
        };
        RefOr::T(Schema::from(either(object, |_| None)))
    }
}

impl<B: ToSchema> ToSchema for AudienceSchema<B> {
    fn name() -> Cow<'static, str> {
        B::name()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        B::schemas(schemas);
    }
}

/// Schema of a body that permits either `segment_id` or `rules`, or none of them.
pub(crate) struct AudienceChangeSchema<B>(PhantomData<B>);

impl<B: ToSchema> PartialSchema for AudienceChangeSchema<B> {
    fn schema() -> RefOr<Schema> {
        let schema = B::schema();
        let RefOr::T(Schema::Object(object)) = schema else {
            return schema;
        };
        RefOr::T(Schema::from(either(object, |object| {
            Some(without_audience(object))
        })))
    }
}

impl<B: ToSchema> ToSchema for AudienceChangeSchema<B> {
    fn name() -> Cow<'static, str> {
        B::name()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        B::schemas(schemas);
    }
}

/// Returns the schema of an object with a segment, with rules, or of the `other`
/// variant.
fn either(mut object: Object, other: impl Fn(Object) -> Option<Object>) -> OneOfBuilder {
    let examples = object.example.take().or_else(|| object.examples.pop());
    let either = OneOfBuilder::new()
        .description(object.description.take())
        .examples(examples)
        .item(with(object.clone(), "segment_id", "rules"))
        .item(with(object.clone(), "rules", "segment_id"));
    match other(object) {
        Some(other) => either.item(other),
        None => either,
    }
}

/// Returns the variant of the object with neither a segment nor rules.
fn without_audience(mut object: Object) -> Object {
    object.title = Some("with the same audience".to_owned());
    for absent in ["segment_id", "rules"] {
        object.properties.insert(absent.to_owned(), null());
    }
    object
}

fn null() -> RefOr<Schema> {
    RefOr::T(Schema::from(Object::with_type(Type::Null)))
}

/// Returns the variant of the object that requires `field` and excludes `absent`.
fn with(mut object: Object, field: &str, absent: &str) -> Object {
    object.title = Some(format!("with {field}"));
    object.required.push(field.to_owned());
    // The schema of an optional field is its type or `null`.
    if let Some(RefOr::T(Schema::OneOf(one_of))) = object.properties.get_mut(field) {
        one_of.items.retain(|item| *item != null());
    }
    object.properties.insert(absent.to_owned(), null());
    object
}
