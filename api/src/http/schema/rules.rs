//! Schema of a condition, derived from the domain's catalog: the operators of each
//! field, and the values that each operator accepts.

use std::borrow::Cow;

use domain::rules::{Arity, Field, Kind, MAX_VALUES, Operator};
use serde_json::json;
use utoipa::openapi::schema::{
    AdditionalProperties, AnyOfBuilder, ArrayBuilder, Object, ObjectBuilder, OneOfBuilder,
    SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::{
    DATE, Muted, NodeId, ValueSource, YEARS, formatted, integer, one_of, patterned, text, time,
};

/// Maximum number of days: more than between any two valid times.
const MAX_DAYS: i64 = 3_000_000;

/// Maximum length of a value in bytes.
const MAX_TEXT: usize = 1_024;

/// Pattern of one value in a comma-separated text. It excludes blanks and commas, and
/// the backslash that would escape a comma.
const WORD: &str = r"[!-+\--\[\]-~]+";

/// Pattern of an integer as a text, well within an `i64`.
const NUMBER: &str = "-?(?:0|[1-9][0-9]{0,16})";

/// Pattern of a number of days as a text.
const DAYS: &str = "-?(?:0|[1-9][0-9]{0,5})";

/// Schema of a condition.
pub(crate) struct ConditionSchema;

impl PartialSchema for ConditionSchema {
    fn schema() -> RefOr<Schema> {
        let all = forms()
            .into_iter()
            .fold(OneOfBuilder::new(), OneOfBuilder::item::<Object>);
        let about = "A condition on one field. The field's type determines the operators, and both \
                     determine `value`: two values for `between` and `notBetween`, up to 1,000 for \
                     `in` and `notIn`, none for `null` and `notNull`. Several values may also be \
                     one comma-separated text.";
        let example = json!(
            {"field": "last_order_at", "operator": "between", "value": ["2026-01-01", "2026-03-31"]}
        );
        let all = all.description(Some(about)).examples([example]);
        RefOr::T(Schema::from(all))
    }
}

impl ToSchema for ConditionSchema {
    fn name() -> Cow<'static, str> {
        "RuleCondition".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.extend([
            (NodeId::name().into(), NodeId::schema()),
            (Muted::name().into(), Muted::schema()),
            (ValueSource::name().into(), ValueSource::schema()),
        ]);
    }
}

/// Values that a kind of field is compared with.
struct Values {
    title: &'static str,
    kinds: &'static [Kind],
    one: fn() -> Schema,
    /// Pattern of one value in a comma-separated text.
    part: &'static str,
}

#[rustfmt::skip]
const ALL: [Values; 7] = [
    Values { title: "texts", kinds: &[Kind::Text], one: any_text, part: WORD },
    Values { title: "tags", kinds: &[Kind::Tags], one: any_text, part: WORD },
    Values { title: "true or false", kinds: &[Kind::Flag], one: flag, part: "" },
    Values { title: "numbers", kinds: &[Kind::Count, Kind::Money], one: number, part: NUMBER },
    Values { title: "times", kinds: &[Kind::Time], one: moment, part: DATE },
    Values { title: "days", kinds: &[Kind::Days], one: days, part: DAYS },
    Values { title: "attributes", kinds: &[Kind::Attribute], one: anything, part: WORD },
];

/// Returns all forms of a condition.
fn forms() -> Vec<Object> {
    let kinds: Vec<_> = ALL
        .iter()
        .flat_map(|values| values.kinds)
        .copied()
        .collect();
    let none = operators(Kind::Text, |operator| operator.arity() == Arity::None);
    // A rule editor may have left a value behind from another operator.
    let left_over = ObjectBuilder::new().schema_type(SchemaType::from_iter([
        Type::Null,
        Type::Boolean,
        Type::Number,
        Type::String,
        Type::Array,
    ]));
    let left_over = Schema::from(left_over.description(Some("Ignored.")));
    let presence = condition("presence of a value", &kinds, &none).property("value", left_over);
    let compared = ALL.iter().flat_map(compared);
    std::iter::once(presence.build()).chain(compared).collect()
}

/// Returns a form for each way to give values: one, two, or many.
fn compared(values: &Values) -> impl Iterator<Item = Object> {
    let kind = values.kinds[0];
    // Selects the operators that apply to an attribute only if its value is a text.
    let is_text_only = move |o: Operator| kind == Kind::Attribute && !o.fits(Kind::Count);
    let ways = [
        (Arity::One, false, (values.one)()),
        (Arity::One, true, any_text()),
        (Arity::Two, false, pair(values)),
        (Arity::Many, false, list(values)),
    ];
    ways.into_iter().filter_map(move |(arity, text, value)| {
        let operators = operators(kind, |o| o.arity() == arity && is_text_only(o) == text);
        let condition = condition(values.title, values.kinds, &operators);
        let condition = condition.property("value", value).required("value");
        (!operators.is_empty()).then(|| condition.build())
    })
}

fn operators(kind: Kind, is_included: impl Fn(Operator) -> bool) -> Vec<&'static str> {
    let fitting = Operator::of(kind).filter(|operator| is_included(*operator));
    fitting.map(Operator::name).collect()
}

/// Builds a condition without its value.
fn condition(title: &str, kinds: &[Kind], operators: &[&str]) -> ObjectBuilder {
    ObjectBuilder::new()
        .title(Some(title))
        .property("id", Ref::from_schema_name(NodeId::name()))
        .property("field", field(kinds))
        .required("field")
        .property("operator", one_of(operators))
        .required("operator")
        .property("valueSource", Ref::from_schema_name(ValueSource::name()))
        .property("path", of_any_type())
        .property("disabled", of_any_type())
        .property("muted", Ref::from_schema_name(Muted::name()))
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

/// Returns the names of all fields of these kinds, as an enum or a pattern.
fn field(kinds: &[Kind]) -> Object {
    let is_of_kind = |name: &&str| {
        let named = Field::named(&name.replace("<key>", "x").replace("<name>", "x"));
        named.is_ok_and(|field| kinds.contains(&field.kind()))
    };
    let names: Vec<_> = Field::names().filter(is_of_kind).collect();
    if !names.iter().any(|name| name.contains('<')) {
        return one_of(&names);
    }
    let pattern = |name: &&str| {
        let pattern = name.replace('.', r"\.");
        let pattern = pattern.replace("<key>", r"[\w-]{1,64}(?:\.[\w-]{1,64}){0,2}");
        pattern.replace("<name>", r"[\w-]{1,64}")
    };
    let patterns: Vec<_> = names.iter().map(pattern).collect();
    patterned(&format!("^(?:{})$", patterns.join("|"))).build()
}

fn of_any_type() -> Object {
    let any = ObjectBuilder::new().schema_type(SchemaType::AnyValue);
    any.description(Some("Ignored.")).build()
}

fn any_text() -> Schema {
    Schema::from(text(MAX_TEXT))
}

fn flag() -> Schema {
    any_of([
        Schema::from(Object::with_type(Type::Boolean)),
        Schema::from(one_of(&["true", "false"])),
    ])
}

fn number() -> Schema {
    any_of([Schema::from(integer(i64::MIN, i64::MAX)), whole(NUMBER)])
}

fn days() -> Schema {
    any_of([Schema::from(integer(-MAX_DAYS, MAX_DAYS)), whole(DAYS)])
}

/// Returns the schema of a time or a whole day.
pub(super) fn moment() -> Schema {
    let day = formatted("date").pattern(Some(YEARS));
    any_of([Schema::from(time()), Schema::from(day)])
}

fn anything() -> Schema {
    any_of([
        Schema::from(Object::with_type(Type::Boolean)),
        Schema::from(Object::with_type(Type::Number)),
        any_text(),
    ])
}

fn pair(values: &Values) -> Schema {
    let part = values.part;
    let pair = ArrayBuilder::new().items(RefOr::T((values.one)()));
    let pair = pair.min_items(Some(2)).max_items(Some(2));
    any_of([Schema::from(pair), whole(&format!("{part} *, *{part}"))])
}

fn list(values: &Values) -> Schema {
    let part = values.part;
    let list = ArrayBuilder::new().items(RefOr::T((values.one)()));
    let list = list.min_items(Some(1)).max_items(Some(MAX_VALUES));
    let text = whole(&format!("{part}(?: *, *{part})*"));
    any_of([Schema::from(list), text, (values.one)()])
}

/// Returns the schema of a text that matches the pattern as a whole.
fn whole(pattern: &str) -> Schema {
    Schema::from(patterned(&format!("^{pattern}$")))
}

fn any_of<const N: usize>(schemas: [Schema; N]) -> Schema {
    let all = schemas.into_iter();
    Schema::from(all.fold(AnyOfBuilder::new(), AnyOfBuilder::item::<Schema>))
}
