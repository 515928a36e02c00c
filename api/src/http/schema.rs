//! OpenAPI schemas of domain types; the domain does not depend on utoipa. Use one as the
//! `value_type` of a field.
//!
//! A schema accepts what the parser accepts, as far as JSON Schema can express it:
//! JSON Schema counts characters, the parsers count bytes.

mod rules;

use std::borrow::Cow;

use serde_json::{Value, json};
use utoipa::openapi::schema::{
    AdditionalProperties, Object, ObjectBuilder, OneOf, OneOfBuilder, SchemaType, Type,
};
use utoipa::openapi::{KnownFormat, RefOr, Schema, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

pub(crate) use rules::ConditionSchema;

use crate::http::body::shop_id;

/// Declares schemas. Add new ones to the list below.
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

/// Days of the week as the API names them, Monday first.
pub(crate) const WEEKDAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// Pattern of an id that Patron assigns: 1 to 128 characters, but not `.` or `..`.
const ID: &str = r"^(?!\.\.?$)[A-Za-z0-9._:@+-]{1,128}$";

/// Pattern of an id that the shop assigns: 1 to 128 characters without control
/// characters, neither end a space, and neither `.` nor `..`. JSON Schema cannot
/// express which characters are printable.
const SHOP_ID: &str =
    r"(?!\.\.?$)[^\x00-\x20\x7F-\xA0](?:[^\x00-\x1F\x7F-\xA0]{0,126}[^\x00-\x20\x7F-\xA0])?$";

/// Pattern of a position: a partition up to 65535 and an event number.
const POSITION: &str =
    "(?:[0-5]?[0-9]{1,4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]):[0-9]{1,19}";

/// Pattern of the years that times may have.
const YEARS: &str = "^(?:19|[2-9][0-9])[0-9]{2}-";

/// Pattern of a date alone.
const WHOLE_DATE: &str = "^(?:19|[2-9][0-9])[0-9]{2}-[0-9]{2}-[0-9]{2}$";

/// Pattern of the beginning of a time that is not a date alone.
const TIME_START: &str = "^(?:19|[2-9][0-9])[0-9]{2}-[0-9]{2}-[0-9]{2}[Tt]";

/// Pattern of a date, limited to days that every month has.
const DATE: &str = "(?:19|[2-9][0-9])[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])";

schemas! {
    Id => id();
    SentId => sent_id();
    SegmentId => string(ID, "seg_01936f2e7d1c7a309a511f0b6a0f9c11");
    CampaignId => string(ID, "cmp_01936f2e7d1c7a309a511f0b6a0f9c11");
    MessageId => string(&format!("^msg_[0-9a-f]{{32}}_{SHOP_ID}"), "msg_01936f2e7d1c7a309a511f0b6a0f9c11_c-1001");
    UserId => string(ID, "usr_8c1f0f7ad3b95c2e8e14b7a0c6d29f51");
    SessionId => string(ID, "ses_01936f2e7d1c7a309a511f0b6a0f9c11");
    KeyId => string(ID, "key_3f9d02c4a1b84e0c9e7a5d2b6f108c33");
    ImportId => string(ID, "imp_01936f2e7d1c7a309a511f0b6a0f9c11");
    JobId => string(ID, "job_01936f2e7d1c7a309a511f0b6a0f9c11");
    Prompt => prompt();
    Tone => one_of(&assist::Tone::ALL.map(assist::Tone::name));
    Tag => one_of(&assist::Tag::ALL.iter().map(|tag| tag.name()).collect::<Vec<_>>());
    AssistEngine => one_of(&["openai", "builtin"]);
    Feature => one_of(&projections::analytics::Feature::ALL.map(projections::analytics::Feature::name));
    // JSON Schema cannot list all IANA names.
    TimeZone => formatted("time-zone").examples(["Asia/Kolkata"]).build();
    Weekday => one_of(&WEEKDAYS);
    Role => one_of(&domain::Role::ALL.map(domain::Role::as_str));
    UserRole => one_of(&domain::UserRole::ALL.map(domain::UserRole::as_str));
    Name => string(r"^[\w-]{1,64}$", "visit");
    EventName => event_name();
    Text64 => text(64);
    Text128 => text(128);
    Text200 => text(200);
    Text256 => text(256);
    Text512 => text(512);
    Text2000 => text(2_000);
    Search => ObjectBuilder::from(text(256)).min_length(None).build();
    Email => formatted("email").max_length(Some(254)).examples(["ada@example.com"]).build();
    SentPhone => formatted("phone").max_length(Some(64)).examples(["+442079460958"]).build();
    AddressId => string("^[A-Za-z0-9_-]{20}$", "q83vASNFZ4mrze8BI0Vn");
    AddressOrId => formatted("address").max_length(Some(254)).examples(["ada@example.com"]).build();
    SentAddress => formatted("address").max_length(Some(254)).examples(["ada@example.com"]).build();
    ListedFor => one_of(&domain::ListedFor::ALL.map(domain::ListedFor::name));
    RulesText => rules_text();
    TemplateText => template_text();
    Currency => string("^[A-Z]{3}$", "USD");
    Position => string(&format!("^{POSITION}$"), "3:1842");
    Positions => positions();
    Cursor => patterned("^(?:[0-9a-f]{2})+$").build();
    Path => formatted("uri-reference").build();
    RequestId => string("^[A-Za-z0-9._-]{1,128}$", "01936f2e-7d1c-7a30-9a51-1f0b6a0f9c11");
    Time => time();
    SentTime => sent_time();
    ReceiptTime => receipt_time();
    Day => day();
    DayCount => ObjectBuilder::from(integer(1, 366)).examples([7]).build();
    Moment => rules::moment();
    Amount => ObjectBuilder::from(integer(0, domain::MAX_AMOUNT)).examples([1_999]).build();
    Quantity => ObjectBuilder::from(integer(1, u32::MAX.into())).examples([1]).build();
    Limit => limit(500, 50);
    FewLimit => limit(100, 20);
    View => one_of(&projections::VIEWS.map(|view| view.name()));
    OrderListOrder => one_of(&["newest", "recorded", "changed"]);
    OrderStatus => one_of(&["placed", "cancelled", "refunded"]);
    CampaignStatus => one_of(&["draft", "scheduled", "launching", "sending", "paused", "completed", "cancelled", "missed"]);
    JobKind => one_of(&projections::JobKind::ALL.map(projections::JobKind::name));
    ImportKind => one_of(&domain::ImportKind::ALL.map(domain::ImportKind::name));
    ImportStatus => one_of(&domain::ImportStatus::ALL.map(domain::ImportStatus::name));
    ImportWaitReason => one_of(&projections::ImportWaitReason::ALL.map(projections::ImportWaitReason::name));
    ImportPreset => one_of(&importer::Preset::all().iter().map(|preset| preset.name.as_str()).collect::<Vec<_>>());
    DecimalSign => one_of(&["point", "comma"]);
    FileFormat => one_of(&["ndjson", "csv"]);
    AmountUnit => one_of(&["major", "minor"]);
    Binary => formatted("binary").build();
    JobStatus => one_of(&projections::JobStatus::ALL.map(projections::JobStatus::name));
    WaitingReason => one_of(&projections::WaitingReason::ALL.map(projections::WaitingReason::name));
    MessageStatus => one_of(&domain::MessageStatus::ALL.map(domain::MessageStatus::name));
    Channel => one_of(&["email", "phone"]);
    BounceKind => one_of(&["hard", "soft"]);
    DiscrepancyKind => one_of(&projections::DiscrepancyKind::ALL.map(projections::DiscrepancyKind::name));
    Combinator => one_of(&["and", "or"]);
    NodeId => node_id();
    Muted => nothing_but(&[json!(false), json!(null)]);
    ValueSource => nothing_but(&[json!("value"), json!(null)]);
    Eventual => one_of(&["eventual"]);
    Outcome => one_of(&["created", "updated", "unchanged", "stale", "moved"]);
    Ignored => one_of(&["ignored"]);
    Attributes => attributes(Empty::Refused, Empty::Refused);
    AttributeChanges => attributes(Empty::Null, Empty::LeftOut);
    SegmentCall => segment_call();
    SegmentIgnored => one_of(&["page", "screen", "group", "alias"]);
    Properties => attributes(Empty::LeftOut, Empty::LeftOut);
}

fn string(pattern: &str, example: &str) -> Object {
    patterned(pattern).examples([example]).build()
}

fn patterned(pattern: &str) -> ObjectBuilder {
    let text = ObjectBuilder::new().schema_type(Type::String);
    text.pattern(Some(pattern))
}

fn formatted(format: &str) -> ObjectBuilder {
    let text = ObjectBuilder::new().schema_type(Type::String);
    text.format(Some(SchemaFormat::Custom(format.to_owned())))
}

/// Returns the schema of one line of text. The parser counts its length in bytes.
fn text(max: usize) -> Object {
    patterned(r"^[^\x00-\x1F\x7F-\x9F]*$")
        .min_length(Some(1))
        .max_length(Some(max))
        .build()
}

/// Returns the schema of the text form of rules, which `domain::rules` parses. JSON
/// Schema cannot express the grammar.
fn rules_text() -> Object {
    formatted("rules")
        .min_length(Some(1))
        .examples(["total_spend > 100000 AND NOT (visits < 3)"])
        .build()
}

/// Returns the schema of a Jinja template over the fields of a customer. JSON
/// Schema cannot express the grammar.
fn template_text() -> Object {
    formatted("template")
        .min_length(Some(1))
        .max_length(Some(16 * 1024))
        .examples(["Hi {{ name | default('there') }}, we miss you!"])
        .build()
}

/// Returns the schema of positions, without an example: a request from the documentation
/// page would wait for the example's position.
fn positions() -> Object {
    let pattern = format!("^ *{POSITION} *(?:, *{POSITION} *)*$");
    formatted("positions").pattern(Some(pattern)).build()
}

fn integer(minimum: i64, maximum: i64) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(minimum))
        .maximum(Some(maximum))
        .build()
}

fn limit(most: i64, usual: i64) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .maximum(Some(most))
        .default(Some(usual.into()))
        .build()
}

fn time() -> Object {
    formatted("date-time")
        .pattern(Some(YEARS))
        .examples(["2026-11-23T01:02:03.456Z"])
        .build()
}

/// Returns the schema of an id that the shop assigns.
fn id() -> Object {
    formatted("shop-id")
        .pattern(Some(format!("^{SHOP_ID}")))
        .examples(["c-1001"])
        .build()
}

/// Returns the schema of an id that the shop sends.
fn sent_id() -> OneOf {
    let number = integer(0, shop_id::MAX_NUMBER);
    let about = "Printable text of at most 128 bytes, compared in the Unicode form NFC; the only \
                 blank is the space, which is not at either end. An integer is the same as its \
                 digits. Refused are `.` and `..`, numbers that a spreadsheet shortened \
                 (`6.81012E+12`), and what programs write for a missing value (`null`, `#N/A`).";
    OneOfBuilder::new()
        .item(id())
        .item(number)
        .description(Some(about))
        .examples([json!("c-1001")])
        .build()
}

/// Returns the schema of a time that the shop sends.
fn sent_time() -> OneOf {
    let instant = formatted("date-time")
        .pattern(Some(TIME_START))
        .examples(["2026-11-23T01:02:03.456Z"])
        .build();
    let date = formatted("date")
        .pattern(Some(WHOLE_DATE))
        .examples(["2026-11-23"])
        .build();
    let about = "A time with its offset from UTC, or a date alone, which is the beginning of that \
                 day in the deployment's time zone.";
    OneOfBuilder::new()
        .item(instant)
        .item(date)
        .description(Some(about))
        .examples([json!("2026-11-23T01:02:03.456Z")])
        .build()
}

fn receipt_time() -> OneOf {
    let unix = "Unix seconds, or milliseconds from 100000000000 on.";
    let number = ObjectBuilder::new()
        .schema_type(Type::Number)
        .description(Some(unix))
        .examples([json!(1_795_395_723)])
        .build();
    let text = string("^ *[0-9]+([.][0-9]+)? *$", "1795395723");
    OneOfBuilder::new()
        .item(time())
        .item(number)
        .item(text)
        .description(Some(
            "An RFC 3339 time, or a Unix time as a number or text.",
        ))
        .examples([json!("2026-11-23T01:02:03.456Z")])
        .build()
}

fn day() -> Object {
    formatted("date")
        .pattern(Some(YEARS))
        .examples(["2026-11-23"])
        .build()
}

fn one_of(words: &[&str]) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(words.iter().copied()))
        .build()
}

fn nothing_but(values: &[Value]) -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::AnyValue)
        .enum_values(Some(values.iter().cloned()))
        .build()
}

/// Returns the schema of a deployment's only currency.
pub(crate) fn only(currency: domain::Currency) -> RefOr<Schema> {
    RefOr::T(Schema::from(one_of(&[currency.code()])))
}

/// Returns the schema of a request in plain words. JSON Schema cannot express that a
/// blank one is rejected.
fn prompt() -> Object {
    formatted("prompt")
        .min_length(Some(1))
        .max_length(Some(assist::builtin::MAX_PROMPT))
        .build()
}

fn node_id() -> Object {
    patterned(r"^[^\x00-\x1F\x7F-\x9F]*$")
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .max_length(Some(128))
        .description(Some("Client's own id of the node; ignored."))
        .build()
}

/// Returns the schema of a call of Segment's protocol: an object with any members.
fn segment_call() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .additional_properties(Some(AdditionalProperties::FreeForm(true)))
        .build()
}

/// Returns the schema of an activity's name as a client writes it. JSON Schema cannot
/// express how it is folded, nor the length of the result.
fn event_name() -> Object {
    patterned(r"[^\W_]")
        .max_length(Some(256))
        .examples(["Order Completed"])
        .build()
}

/// Empty values that a map of attributes may have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Empty {
    /// None.
    Refused,
    /// Null, which clears an attribute.
    Null,
    /// Nulls, empty strings and empty objects, which are left out.
    LeftOut,
}

/// Returns the schema of a map of attributes, given the empty values that the map itself
/// and the objects within it may have.
fn attributes(own: Empty, within: Empty) -> Object {
    map_of_values(1, own, within)
        .schema_type(Type::Object)
        .max_properties(Some(domain::MAX_ATTRIBUTES))
        .examples([json!({"shoe_size": 39})])
        .build()
}

/// Returns the members of a map whose values have paths of `nesting` names.
fn map_of_values(nesting: usize, own: Empty, within: Empty) -> ObjectBuilder {
    let mut types = vec![Type::Boolean, Type::Number, Type::String];
    let mut value = ObjectBuilder::from(text(1_024));
    if nesting < domain::MAX_NESTING {
        types.push(Type::Object);
        let object = map_of_values(nesting + 1, within, within).build();
        value = value
            .property_names(object.property_names.map(|names| *names))
            .additional_properties(object.additional_properties.map(|values| *values));
    }
    if own != Empty::Refused {
        types.push(Type::Null);
    }
    if own == Empty::LeftOut {
        value = value.min_length(None);
    }
    let value = value.schema_type(SchemaType::from_iter(types)).build();
    ObjectBuilder::new()
        .property_names(Some(Name::schema()))
        .additional_properties(Some(RefOr::T(Schema::from(value))))
}
