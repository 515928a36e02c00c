//! Meaning of rules, their two written forms, and their errors.

pub(crate) mod arbitrary;
mod attributes;
mod bad;
mod bounds;
mod json;
mod laws;
mod meaning;
mod stored;
mod text;
mod times;
mod tree;
mod values;

use serde_json::{Value as Json, json};

use super::*;
use crate::{AttributeValue, Timestamp};

/// Current time in all of these tests.
const NOW: &str = "1998-06-30T12:00:00Z";

fn at(text: &str) -> Timestamp {
    Timestamp::try_from(text).unwrap()
}

fn rules(text: &str) -> Rules {
    text.parse()
        .unwrap_or_else(|errors| panic!("{text}: {errors}"))
}

fn matches(text: &str, facts: &CustomerFacts) -> bool {
    rules(text).at(at(NOW)).matches(facts)
}

/// Checks each condition and its negation for a customer.
#[track_caller]
fn check(facts: &CustomerFacts, conditions: &[(&str, bool)]) {
    for (text, expected) in conditions {
        assert_eq!(matches(text, facts), *expected, "{text}");
        let contrary = format!("NOT ({text})");
        assert_eq!(matches(&contrary, facts), !*expected, "{contrary}");
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::Text(text.to_owned().try_into().unwrap())
}

/// Returns a group with these nodes.
fn and(nodes: impl IntoIterator<Item = Json>) -> Json {
    let nodes: Vec<Json> = nodes.into_iter().collect();
    json!({ "combinator": "and", "rules": nodes })
}

fn condition(field: impl Into<Json>, operator: impl Into<Json>, value: impl Into<Json>) -> Json {
    let (field, operator, value) = (field.into(), operator.into(), value.into());
    json!({ "field": field, "operator": operator, "value": value })
}

/// Returns the pointers and reasons of the errors.
#[track_caller]
fn refused(json: &Json) -> Vec<(String, String)> {
    let RuleErrors(errors) = Rules::from_json(json).expect_err(&json.to_string());
    assert!(!errors.is_empty());
    errors.into_iter().map(|e| (e.pointer, e.reason)).collect()
}
