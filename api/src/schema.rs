//! Schemas of the domain's types, which know nothing of OpenAPI: name one as a
//! field's `value_type`.

use std::borrow::Cow;

use serde_json::json;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{KnownFormat, RefOr, Schema, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

/// Declares schemas; add to the list below.
macro_rules! schemas {
    ($($name:ident => $schema:expr;)*) => {$(
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                RefOr::T(Schema::from($schema))
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )*};
}

schemas! {
    Id => string(r"^(?!\.\.?$)[A-Za-z0-9._:@+-]{1,128}$", "c-1001");
    SegmentId => string(r"^(?!\.\.?$)[A-Za-z0-9._:@+-]{1,128}$", "seg_01936f2e7d1c7a309a511f0b6a0f9c11");
    CampaignId => string(r"^(?!\.\.?$)[A-Za-z0-9._:@+-]{1,128}$", "cmp_01936f2e7d1c7a309a511f0b6a0f9c11");
    MessageId => string("^msg_[0-9a-f]{32}_.+$", "msg_01936f2e7d1c7a309a511f0b6a0f9c11_c-1001");
    UserId => string(r"^(?!\.\.?$)[A-Za-z0-9._:@+-]{1,128}$", "usr_8c1f0f7ad3b95c2e8e14b7a0c6d29f51");
    SessionId => string(r"^(?!\.\.?$)[A-Za-z0-9._:@+-]{1,128}$", "ses_01936f2e7d1c7a309a511f0b6a0f9c11");
    KeyId => string(r"^(?!\.\.?$)[A-Za-z0-9._:@+-]{1,128}$", "key_3f9d02c4a1b84e0c9e7a5d2b6f108c33");
    Role => one_of(&domain::Role::ALL.map(domain::Role::as_str));
    UserRole => one_of(&domain::UserRole::ALL.map(domain::UserRole::as_str));
    Name => string("^[A-Za-z0-9_-]{1,64}$", "visit");
    Currency => string("^[A-Z]{3}$", "USD");
    Position => string(r"^\d{1,5}:\d{1,19}$", "3:1842");
    Positions => positions();
    Time => time();
    Amount => integer(0, domain::MAX_AMOUNT);
    Limit => limit();
    OrderStatus => one_of(&["placed", "cancelled", "refunded"]);
    CampaignStatus => one_of(&["draft", "scheduled", "launching", "sending", "paused", "completed", "cancelled", "missed"]);
    MessageStatus => one_of(&domain::MessageStatus::ALL.map(domain::MessageStatus::name));
    Channel => one_of(&["email", "phone"]);
    DiscrepancyKind => one_of(&projections::DiscrepancyKind::ALL.map(projections::DiscrepancyKind::name));
    Combinator => one_of(&["and", "or"]);
    Operator => one_of(&operators());
    RuleValue => rule_value();
    ValueSource => one_of(&["value"]);
    Outcome => one_of(&["created", "updated", "unchanged"]);
    Attributes => attributes(&[Type::Boolean, Type::Number, Type::String]);
    AttributeChanges => attributes(&[Type::Boolean, Type::Number, Type::String, Type::Null]);
}

fn string(pattern: &str, example: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
        .examples([example])
        .build()
}

/// Without an example: a page that tries it out would wait for that position.
fn positions() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(r"^\d{1,5}:\d{1,19}( *, *\d{1,5}:\d{1,19})*$"))
        .build()
}

fn integer(minimum: i64, maximum: i64) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(minimum))
        .maximum(Some(maximum))
        .examples([1999])
        .build()
}

fn limit() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .maximum(Some(500))
        .default(Some(50.into()))
        .build()
}

fn time() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .examples(["2026-11-23T01:02:03.456Z"])
        .build()
}

fn one_of(words: &[&str]) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(words.iter().copied()))
        .build()
}

fn operators() -> Vec<&'static str> {
    let all = domain::rules::Operator::ALL.iter();
    all.map(|operator| operator.name()).collect()
}

fn rule_value() -> Object {
    let types = [Type::Boolean, Type::Number, Type::String, Type::Array];
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter(types))
        .examples([json!(100_000), json!(["2026-01-01", "2026-03-31"])])
        .build()
}

fn attributes(values: &[Type]) -> Object {
    let value = ObjectBuilder::new()
        .schema_type(SchemaType::from_iter(values.iter().cloned()))
        .build();
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property_names(Some(Name::schema()))
        .max_properties(Some(domain::MAX_ATTRIBUTES))
        .additional_properties(Some(RefOr::T(Schema::from(value))))
        .examples([json!({"shoe_size": 39})])
        .build()
}
