//! Schemas of bodies that have exactly one of two fields.

use utoipa::openapi::schema::{Object, OneOfBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

/// Turns an object's schema into one that requires exactly one of two fields. The
/// other field may be `null`. Returns any other schema unchanged.
pub(crate) fn exactly_one_of(object: RefOr<Schema>, fields: [&str; 2]) -> RefOr<Schema> {
    let RefOr::T(Schema::Object(mut object)) = object else {
        return object;
    };
    let examples = object.example.take().or_else(|| object.examples.pop());
    let described = OneOfBuilder::new()
        .description(object.description.take())
        .examples(examples);
    let [one, other] = fields;
    let described = described.item(with(object.clone(), one, other));
    RefOr::T(Schema::from(described.item(with(object, other, one))))
}

/// Returns the variant of the object that requires `field` and excludes `absent`.
fn with(mut object: Object, field: &str, absent: &str) -> Object {
    object.title = Some(format!("with {field}"));
    object.required.push(field.to_owned());
    if let Some(RefOr::T(schema)) = object.properties.get_mut(field) {
        not_null(schema);
    }
    let null = Schema::from(Object::with_type(Type::Null));
    object.properties.insert(absent.to_owned(), RefOr::T(null));
    object
}

/// Removes `null` from the schema of an optional field.
fn not_null(schema: &mut Schema) {
    if let Schema::OneOf(one_of) = schema {
        let null = RefOr::T(Schema::from(Object::with_type(Type::Null)));
        one_of.items.retain(|item| *item != null);
    }
}

/// Declares schemas of bodies that have either a segment or rules.
macro_rules! for_somebody {
    ($($(#[$doc:meta])* $name:ident = $body:ty;)*) => {$(
        $(#[$doc])*
        pub(super) struct $name;

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                let body = <$body as utoipa::PartialSchema>::schema();
                crate::http::schema::exactly_one_of(body, ["segment_id", "rules"])
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                <$body as utoipa::ToSchema>::name()
            }

            fn schemas(
                schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>,
            ) {
                <$body as utoipa::ToSchema>::schemas(schemas);
            }
        }
    )*};
}

pub(crate) use for_somebody;
