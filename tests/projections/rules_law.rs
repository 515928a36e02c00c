//! Property: rules have one meaning. For any rules and customers, MongoDB finds and counts exactly
//! the customers that the rules match in memory, with the indexes that a view has.

use std::collections::{BTreeMap, BTreeSet};

use domain::rules::{Predicate, Rules};
use domain::{AttributeValue, Name, Timestamp};
use futures::TryStreamExt;
use mongodb::Collection;
use mongodb::bson::{self, Bson, DateTime, Document, doc};
use projections::customers::{CustomerDocument, EventFacts, filter};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::{Value, json};

use crate::support::deployment::Deployment;
use crate::support::property;
use crate::support::shop::{minute, text};

const CUSTOMERS: usize = 500;
const RULES: u32 = 3_000;

const DAY: i64 = 86_400_000;

/// Texts that differ by case or composition, or that a regular expression would treat specially.
const TEXTS: &[&str] = &[
    "a",
    "A",
    "ada",
    "ADA ",
    "Straße",
    "STRASSE",
    "caf\u{e9}",
    "CAFE\u{301}",
    "İ",
    "i",
    "ſ",
    "s",
    "\u{212a}",
    "k",
    "ΟΔΟΣ",
    "οδος",
    "a.b",
    "a*b",
    "^a",
    "a$",
    "\\z",
    "(",
    "[a-z]",
    "$gt",
    "{}",
    "日本",
    "😀",
    "1",
    "39",
    "39.0",
    "-0",
    "true",
    "false",
    "1997-04-01",
    "1997-04-01T00:00:00Z",
    "1997-04-01T02:00+02:00",
    "9007199254740993",
    "1e3",
    "null",
];

const NUMBERS: &[i64] = &[
    0,
    1,
    2,
    3,
    39,
    1_000,
    -1,
    i64::MAX,
    i64::MIN,
    9_007_199_254_740_992,
    9_007_199_254_740_993,
];

const FLOATS: &[f64] = &[
    0.5,
    -0.5,
    39.5,
    9_007_199_254_740_992.0,
    9.3e18,
    -9.3e18,
    1e300,
    0.1,
    1e-300,
];

/// Time at which the rules are evaluated.
fn now() -> Timestamp {
    minute(0)
}

/// Generates instants on, before and after the bounds of days, counted from now and from
/// 1997-04-01.
fn instants() -> impl Strategy<Value = Timestamp> {
    let days = select(vec![0i64, 1, 2, 30, 89, 90, 91, -1]);
    let from = select(vec![now().millis(), 859_852_800_000]);
    let off = select(vec![0i64, 1, -1, DAY - 1]);
    (days, from, off)
        .prop_map(|(days, from, off)| Timestamp::from_millis(from - days * DAY + off).unwrap())
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => select(TEXTS).prop_map(str::to_owned),
        1 => "[aAbBßéİ .$]{1,4}",
    ]
}

/// Generates values of attributes, a quarter of them objects.
fn attribute() -> impl Strategy<Value = AttributeValue> {
    let object = |value: BoxedStrategy<AttributeValue>| {
        let keys =
            select(vec!["x", "y", "0"]).prop_map(|key| Name::try_from(key.to_owned()).unwrap());
        btree_map(keys, value, 1..3).prop_map(AttributeValue::Nested)
    };
    let within = prop_oneof![3 => scalar(), 1 => object(scalar().boxed())];
    prop_oneof![3 => scalar(), 1 => object(within.boxed())]
}

fn scalar() -> impl Strategy<Value = AttributeValue> {
    prop_oneof![
        any::<bool>().prop_map(AttributeValue::Flag),
        select(NUMBERS).prop_map(AttributeValue::Integer),
        select(FLOATS).prop_map(AttributeValue::Number),
        texts().prop_map(|value| AttributeValue::Text(text(&value))),
        instants().prop_map(|at| AttributeValue::Text(text(&at.to_string()))),
    ]
}

fn date(at: Timestamp) -> DateTime {
    DateTime::from_millis(at.millis())
}

fn activity() -> impl Strategy<Value = EventFacts> {
    (0..5i64, prop::option::of(instants())).prop_map(|(count, at)| EventFacts {
        count,
        last_at: at.map(date),
        ..EventFacts::default()
    })
}

/// Generates a customer's document. In some, absent fields are present as nulls.
fn customer() -> impl Strategy<Value = Document> {
    let maybe = || prop::option::of(prop_oneof![9 => texts(), 1 => Just(String::new())]);
    let profile = (
        maybe(),
        maybe(),
        maybe(),
        maybe(),
        maybe(),
        vec(texts(), 0..3),
    );
    let keys = || select(vec!["x", "y", "0"]).prop_map(str::to_owned);
    let names = || select(vec!["visit", "click"]).prop_map(str::to_owned);
    let own = (
        btree_map(keys(), attribute(), 0..3),
        btree_map(names(), activity(), 0..3),
    );
    let at = || prop::option::of(instants());
    let times = (at(), at(), at());
    let numbers = (
        0..5i64,
        prop::option::of(0..5i64),
        0..5i64,
        any::<bool>(),
        any::<bool>(),
    );
    (profile, own, times, numbers).prop_map(|(profile, own, times, numbers)| {
        let (name, email, phone, city, country, tags) = profile;
        let (attributes, events) = own;
        let (total_spend, average_order_value, order_count, unsubscribed, nulls) = numbers;
        let mut document = CustomerDocument {
            name,
            email,
            phone,
            city,
            country,
            tags,
            attributes,
            events,
            registered_at: times.0.map(date),
            first_order_at: times.1.map(date),
            last_order_at: times.2.map(date),
            total_spend,
            average_order_value,
            order_count,
            unsubscribed,
            ..CustomerDocument::default()
        };
        document.derive();
        let mut document = bson::serialize_to_document(&document).unwrap();
        for field in ["name", "city", "registered_at", "average_order_value"] {
            if nulls && !document.contains_key(field) {
                document.insert(field, Bson::Null);
            }
        }
        document
    })
}

/// Generates a field's name and the kind of its values.
fn field() -> impl Strategy<Value = (&'static str, &'static str)> {
    select(vec![
        ("name", "text"),
        ("city", "text"),
        ("email", "text"),
        ("tags", "tags"),
        ("unsubscribed", "flag"),
        ("total_spend", "number"),
        ("order_count", "number"),
        ("average_order_value", "number"),
        ("registered_at", "time"),
        ("last_order_at", "time"),
        ("days_since_last_order", "days"),
        ("days_since_registered", "days"),
        ("visits", "number"),
        ("events.click.count", "number"),
        ("events.visit.last_at", "time"),
        ("attributes.x", "any"),
        ("attributes.y", "any"),
        ("attributes.0", "any"),
        ("attributes.x.y", "any"),
        ("attributes.x.0", "any"),
        ("attributes.y.x.0", "any"),
        ("attributes.y.x.x", "any"),
    ])
}

fn value(kind: &str) -> BoxedStrategy<Value> {
    let moment = prop_oneof![
        instants().prop_map(|at| json!(at.to_string())),
        instants().prop_map(|at| json!(at.to_string()[..10])),
    ];
    match kind {
        "text" | "tags" => texts().prop_map(Value::from).boxed(),
        "flag" => any::<bool>().prop_map(Value::from).boxed(),
        "number" => prop_oneof![
            (-1..6i64).prop_map(Value::from),
            select(NUMBERS).prop_map(Value::from)
        ]
        .boxed(),
        "days" => select(vec![-1i64, 0, 1, 2, 30, 89, 90, 91])
            .prop_map(Value::from)
            .boxed(),
        "time" => moment.boxed(),
        _ => prop_oneof![
            texts().prop_map(Value::from),
            select(NUMBERS).prop_map(Value::from),
            select(FLOATS).prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            moment,
        ]
        .boxed(),
    }
}

fn condition() -> impl Strategy<Value = Value> {
    let operators: Vec<&str> = domain::rules::Operator::ALL
        .iter()
        .map(|o| o.name())
        .collect();
    (field(), select(operators)).prop_flat_map(|((field, kind), operator)| {
        let values = match operator {
            "in" | "notIn" => vec(value(kind), 1..4).prop_map(Value::from).boxed(),
            "between" | "notBetween" => vec(value(kind), 2).prop_map(Value::from).boxed(),
            _ => value(kind),
        };
        values.prop_map(move |value| json!({"field": field, "operator": operator, "value": value}))
    })
}

/// Generates rules. Invalid conditions, such as `between` from more to less, are left out.
fn rules() -> impl Strategy<Value = Rules> {
    let is_valid = |condition: &Value| {
        Rules::from_json(&json!({"combinator": "and", "rules": [condition]})).is_ok()
    };
    let leaf = condition().prop_filter("a valid condition", is_valid);
    let node = leaf.prop_recursive(3, 12, 4, |inner| {
        (select(vec!["and", "or"]), any::<bool>(), vec(inner, 1..4)).prop_map(
            |(combinator, not, rules)| json!({"combinator": combinator, "not": not, "rules": rules}),
        )
    });
    (select(vec!["and", "or"]), any::<bool>(), vec(node, 1..3)).prop_map(
        |(combinator, not, rules)| {
            let json = json!({"combinator": combinator, "not": not, "rules": rules});
            Rules::from_json(&json).unwrap()
        },
    )
}

/// Generates the customers of a run, always the same for the same seed.
fn population(seed: u64) -> Vec<Document> {
    let mut runner = TestRunner::new(Config {
        rng_seed: RngSeed::Fixed(seed),
        ..Config::default()
    });
    (0..CUSTOMERS)
        .map(|index| {
            let mut document = customer().new_tree(&mut runner).unwrap().current();
            document.insert("_id", format!("c-{index:03}"));
            document.insert("_partition", 0);
            document.insert("_number", index as i64);
            document
        })
        .collect()
}

async fn find_ids(customers: &Collection<Document>, predicate: &Predicate) -> BTreeSet<String> {
    let filter = filter(predicate);
    let cursor = customers
        .find(filter)
        .projection(doc! {"_id": 1})
        .await
        .unwrap();
    let ids = cursor.map_ok(|document| document.get_str("_id").unwrap().to_owned());
    ids.try_collect().await.unwrap()
}

/// Stores the customers in a deployment's view, with its indexes.
async fn store_population(population: &[Document]) -> Deployment {
    let deployment = Deployment::fresh().await.prepared().await;
    let customers = customers(&deployment);
    customers.insert_many(population).await.unwrap();
    let indexes = customers.list_index_names().await.unwrap();
    assert_eq!(indexes.len(), 14, "the indexes of the view and of ids");
    deployment
}

fn customers(deployment: &Deployment) -> Collection<Document> {
    deployment.store.database().collection("customers_g1")
}

#[test]
fn mongodb_finds_and_counts_the_customers_that_rules_match() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let seed = property::seed();
    let population = population(seed);
    let deployment = runtime.block_on(store_population(&population));
    let customers = customers(&deployment);
    let facts: BTreeMap<_, _> = population
        .iter()
        .map(|document| {
            let read: CustomerDocument = bson::deserialize_from_document(document.clone()).unwrap();
            let id = document.get_str("_id").unwrap().to_owned();
            (id, (read.facts(), document))
        })
        .collect();

    property::check_seeded(&runtime, seed, RULES, rules(), async |rules: Rules| {
        let predicate = rules.at(now());
        let matching = facts.iter().filter(|(_, (f, _))| predicate.matches(f));
        let matching: BTreeSet<String> = matching.map(|(id, _)| id.clone()).collect();
        let found = find_ids(&customers, &predicate).await;
        if let Some(id) = matching.symmetric_difference(&found).next() {
            let (customer, filter) = (facts[id].1, filter(&predicate));
            let (here, there) = (matching.contains(id), found.contains(id));
            panic!("{rules}\nin memory: {here}, in MongoDB: {there}\n{filter}\n{customer}");
        }
        // Some rules are counted as all customers less those that the rules do not match.
        let count = deployment.store.count_members(&rules, now()).await.unwrap();
        assert_eq!(count, matching.len() as u64, "{rules}");
    });
}
