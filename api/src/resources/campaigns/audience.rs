//! Schema of bodies with an audience: exactly one of a segment and rules.

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
        let RefOr::T(Schema::Object(mut object)) = schema else {
            return schema;
        };
        let examples = object.example.take().or_else(|| object.examples.pop());
        let either = OneOfBuilder::new()
            .description(object.description.take())
            .examples(examples)
            .item(with(object.clone(), "segment_id", "rules"))
            .item(with(object, "rules", "segment_id"));
        RefOr::T(Schema::from(either))
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

/// Returns the variant of the object that requires `field` and excludes `absent`.
fn with(mut object: Object, field: &str, absent: &str) -> Object {
    object.title = Some(format!("with {field}"));
    object.required.push(field.to_owned());
    let null = RefOr::T(Schema::from(Object::with_type(Type::Null)));
    // The schema of an optional field is its type or `null`.
    if let Some(RefOr::T(Schema::OneOf(one_of))) = object.properties.get_mut(field) {
        one_of.items.retain(|item| *item != null);
    }
    object.properties.insert(absent.to_owned(), null);
    object
}
