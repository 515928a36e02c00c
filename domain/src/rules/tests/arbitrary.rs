//! Strategies for arbitrary rules, and for customers to evaluate them on.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value as Json, json};

use crate::rules::tree::{Combinator, Condition, Group, Node, NodeId};
use crate::rules::{ActivityFacts, Arity, CustomerFacts, Field, Kind, Operator, Rules};
use crate::{AttributeValue, Timestamp};

/// Rules that have a text form: without ids, and with `and` in groups of one
/// node.
pub(crate) fn rules() -> impl Strategy<Value = Rules> {
    tree(Just(None).boxed())
}

/// Rules with ids, as clients send them.
pub(crate) fn rules_with_ids() -> impl Strategy<Value = Rules> {
    let id = "\\PC{1,12}".prop_map(|id| NodeId::try_from(id).unwrap());
    tree(prop::option::of(id).boxed())
}

type Id = BoxedStrategy<Option<NodeId>>;

fn tree(id: Id) -> impl Strategy<Value = Rules> {
    let leaf = (condition(), id.clone()).prop_map(|(c, id)| Node::Condition(c.with_id(id)));
    let inner = id.clone();
    let node = leaf.prop_recursive(6, 24, 4, move |node| {
        group(node, inner.clone()).prop_map(Node::Group)
    });
    group(node.boxed(), id).prop_map(Rules)
}

fn group(node: BoxedStrategy<Node>, id: Id) -> impl Strategy<Value = Group> {
    let nodes = prop::collection::vec(node, 1..4);
    (id, any::<(bool, bool)>(), nodes).prop_map(|(id, (or, not), rules)| Group {
        id,
        combinator: match or && rules.len() > 1 {
            true => Combinator::Or,
            false => Combinator::And,
        },
        not,
        rules,
    })
}

/// Any condition on any field.
pub(crate) fn condition() -> impl Strategy<Value = Condition> {
    let asked = field().prop_flat_map(|field| {
        let operators: Vec<Operator> = Operator::of(field.kind()).collect();
        (Just(field), select(operators))
    });
    let filled = asked.prop_flat_map(|(field, operator)| {
        let count = match operator.arity() {
            Arity::None => 0..=0,
            Arity::One => 1..=1,
            Arity::Two => 2..=2,
            Arity::Many => 1..=4,
        };
        let values = prop::collection::vec(value(field.kind()), count);
        (Just(field), Just(operator), values)
    });
    filled.prop_filter_map("the values fit", |(field, operator, mut values)| {
        let condition = Condition::new(field.clone(), operator, &values);
        values.reverse();
        condition
            .or_else(|_| Condition::new(field, operator, &values))
            .ok()
    })
}

fn field() -> impl Strategy<Value = Field> {
    let mut names: Vec<&str> = Field::names().filter(|name| !name.contains('<')).collect();
    let families = [
        "attributes.size",
        "attributes.vip-since_2",
        "attributes.size.größe",
        "attributes.size.a.b",
        "events.visit.count",
        "events.and.count",
        "events.click.last_at",
    ];
    // Most fields have fixed names, but the pattern fields hold the most kinds
    // of values.
    names.extend(families.repeat(3));
    select(names).prop_map(|name| Field::named(name).unwrap())
}

fn value(kind: Kind) -> BoxedStrategy<Json> {
    let number = prop_oneof![-3..40_i64, any::<i64>()].prop_map(Json::from);
    match kind {
        Kind::Text | Kind::Tags => word().prop_map(Json::from).boxed(),
        Kind::Flag => any::<bool>().prop_map(Json::from).boxed(),
        Kind::Count | Kind::Money => number.boxed(),
        Kind::Days => (-400..400_i64).prop_map(Json::from).boxed(),
        Kind::Time => moment().prop_map(Json::from).boxed(),
        Kind::Attribute => prop_oneof![
            word().prop_map(Json::from),
            number,
            float().prop_map(Json::from),
            any::<bool>().prop_map(Json::from),
            moment().prop_map(Json::from),
        ]
        .boxed(),
    }
}

fn float() -> impl Strategy<Value = f64> {
    use prop::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    let whole = (50..64_i32).prop_map(|n| 2.0_f64.powi(n) + 2.0);
    prop_oneof![
        -40.0..40.0,
        whole,
        POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO
    ]
}

/// Texts, including those that look like something else.
fn word() -> impl Strategy<Value = String> {
    let odd = [
        "Rome",
        "rom",
        "STRASSE",
        "Straße",
        "39",
        "39.0",
        "-1e400",
        "true",
        "null",
        "AND",
        "not",
        "1997-04-01",
        "1997-04-01T12:00:00.000Z",
        "a,b",
        "\\",
        "\"",
        "'",
        "\\\"",
        " ",
        "(",
        "=",
    ];
    prop_oneof![select(odd.to_vec()).prop_map(str::to_owned), "\\PC{1,12}"]
}

fn moment() -> impl Strategy<Value = String> {
    let written = |(at, is_day): (Timestamp, bool)| match is_day {
        true => at.to_string()[..10].to_owned(),
        false => at.to_string(),
    };
    (timestamp(), any::<bool>()).prop_map(written)
}

/// Any instant; most are close to one another.
pub(crate) fn timestamp() -> impl Strategy<Value = Timestamp> {
    let near = (-40..40_i64, -1..=1_i64).prop_map(|(days, ms)| days * 86_400_000 + ms);
    let near = near.prop_map(|millis| 899_208_000_000 + millis);
    let any = -2_208_988_800_000..=253_402_300_799_999_i64;
    prop_oneof![4 => near, 1 => any].prop_map(|millis| Timestamp::from_millis(millis).unwrap())
}

/// Any customer.
pub(crate) fn customer() -> impl Strategy<Value = CustomerFacts> {
    let texts = prop::collection::vec(prop::option::of(word()), 5);
    let times = prop::collection::vec(prop::option::of(timestamp()), 3);
    let tags = prop::collection::vec(word(), 0..3);
    let attributes = prop::collection::btree_map(
        select(vec!["size", "vip-since_2"]).prop_map(str::to_owned),
        attribute(),
        0..3,
    );
    let event = (0..5_i64, prop::option::of(timestamp()));
    let event = event.prop_map(|(count, last_at)| ActivityFacts { count, last_at });
    let name = select(vec!["visit", "and", "click"]).prop_map(str::to_owned);
    let events = prop::collection::btree_map(name, event, 0..3);
    let numbers = (
        any::<bool>(),
        -3..40_i64,
        0..40_i64,
        prop::option::of(0..40_i64),
    );
    (texts, times, tags, attributes, events, numbers).prop_map(
        |(texts, times, tags, attributes, events, numbers)| CustomerFacts {
            name: texts[0].clone(),
            email: texts[1].clone(),
            phone: texts[2].clone(),
            city: texts[3].clone(),
            country: texts[4].clone(),
            tags,
            attributes,
            registered_at: times[0],
            unsubscribed: numbers.0,
            total_spend: numbers.1,
            order_count: numbers.2,
            average_order_value: numbers.3,
            first_order_at: times[1],
            last_order_at: times[2],
            events,
        },
    )
}

/// Any attribute, sometimes an object.
fn attribute() -> impl Strategy<Value = AttributeValue> {
    let leaf = || value(Kind::Attribute);
    let within = prop_oneof![leaf(), leaf().prop_map(|value| json!({"b": value})),];
    let object = (leaf(), within).prop_map(|(size, a)| json!({"größe": size, "a": a}));
    let value = prop_oneof![3 => leaf(), 1 => object.boxed()];
    value.prop_map(|value| serde_json::from_value(value).unwrap())
}
