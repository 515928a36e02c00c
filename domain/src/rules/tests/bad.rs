//! Invalid JSON of rules: the node at which it is rejected, and the reason.
//! Values have a file of their own.

use super::*;

/// Checks that this node is rejected as the second of two. A reason that ends
/// in `*` is a prefix.
#[track_caller]
pub(super) fn refuse(node: Json, reason: &str) {
    let json = and([condition("visits", "=", 1), node]);
    let told = refused(&json);
    let [(pointer, found)] = &told[..] else {
        panic!("{json}: {told:?}");
    };
    assert_eq!(pointer, "/rules/1", "{json}");
    match reason.strip_suffix('*') {
        Some(beginning) => assert!(found.starts_with(beginning), "{json}: {found}"),
        None => assert_eq!(found, reason, "{json}"),
    }
}

#[test]
fn fields_that_are_not_in_the_catalog() {
    for name in [
        "",
        "~",
        "Name",
        "name ",
        "$where",
        "__proto__",
        "constructor",
        "id",
        "attributes",
        "events",
        "events.count",
        "events.visit",
        "events.visit.times",
        "events.visit.count.x",
        "total_spend.$gt",
        "name\0",
    ] {
        let reason = format!("unknown field {name:?}, expected one of name email *");
        refuse(condition(name, "=", 1), &reason);
    }
    for (name, part) in [
        ("attributes.", ""),
        ("attributes.a.", ""),
        ("attributes.a.b.$c", "$c"),
        ("attributes.$where", "$where"),
        ("attributes.🎉", "🎉"),
        ("attributes.a b", "a b"),
        ("events..count", ""),
        ("events.a.b.count", "a.b"),
        ("events.$x.last_at", "$x"),
    ] {
        let reason = format!("{name:?}: {part:?} must be 1 to 64 of letters, digits, _ and -");
        refuse(condition(name, "=", 1), &reason);
    }
    refuse(
        condition("attributes.a.b.c.d", "=", 1),
        "\"attributes.a.b.c.d\": attributes are nested at most 3 names deep, not 4",
    );
    let key = "k".repeat(64);
    assert!(Rules::from_json(&and([condition(format!("attributes.{key}"), "=", 1)])).is_ok());
    refuse(
        condition(format!("attributes.{key}k"), "=", 1),
        "\"attributes.kkk*",
    );
}

#[test]
fn operators_that_are_unknown_or_do_not_fit() {
    for name in ["", "==", "$gt", "like", "is null", "=\0", "matches"] {
        let reason = format!("unknown operator {name:?}, expected one of = != < *");
        refuse(condition("visits", name, 1), &reason);
    }
    for (field, operator) in [
        ("tags", "="),
        ("tags", "in"),
        ("tags", "beginsWith"),
        ("unsubscribed", "<"),
        ("unsubscribed", "in"),
        ("unsubscribed", "contains"),
        ("visits", "contains"),
        ("total_spend", "endsWith"),
        ("last_order_at", "contains"),
        ("days_since_last_order", "beginsWith"),
    ] {
        let reason = format!("the operator {operator} does not fit {field}, expected one of *");
        refuse(condition(field, operator, "x"), &reason);
    }
}

#[test]
fn fields_and_operators_that_are_not_strings() {
    for odd in [
        json!(null),
        json!(1),
        json!(true),
        json!(["name"]),
        json!({"$regex": ".*"}),
    ] {
        refuse(condition(odd.clone(), "=", 1), "`field` must be a string");
        refuse(condition("visits", odd, 1), "`operator` must be a string");
    }
    refuse(json!({"operator": "=", "value": 1}), "`field` is missing");
    refuse(
        json!({"field": "visits", "value": 1}),
        "`operator` is missing",
    );
    refuse(json!({}), "`field` is missing");
}

#[test]
fn unsupported_keys() {
    for (key, value, reason) in [
        (
            "valueSource",
            json!("field"),
            "a field can be compared only with values, not with fields",
        ),
        (
            "valueSource",
            json!({}),
            "a field can be compared only with values, not with fields",
        ),
        (
            "muted",
            json!(true),
            "muted rules are not supported, remove them",
        ),
        (
            "not",
            json!(true),
            "unknown key \"not\", expected one of field operator value *",
        ),
        ("match", json!({}), "unknown key \"match\", *"),
        ("$where", json!("1"), "unknown key \"$where\", *"),
        ("__proto__", json!({}), "unknown key \"__proto__\", *"),
        ("id", json!(7), "`id` must be a string"),
        (
            "id",
            json!("a\0"),
            "`id` must not contain control characters",
        ),
    ] {
        let mut node = condition("visits", "=", 1);
        node[key] = value;
        refuse(node, reason);
    }
}

#[test]
fn invalid_groups() {
    let one = condition("visits", "=", 1);
    for (node, reason) in [
        (json!(null), "a rule must be an object"),
        (json!(1), "a rule must be an object"),
        (json!([one]), "a rule must be an object"),
        (
            json!("and"),
            "combinators between rules are not supported, use one per group",
        ),
        (
            json!({"combinator": "and", "rules": []}),
            "the group is empty",
        ),
        (json!({"combinator": "and"}), "`rules` must be a list"),
        (
            json!({"combinator": "and", "rules": one}),
            "`rules` must be a list",
        ),
        (
            json!({"combinator": "and", "rules": null}),
            "`rules` must be a list",
        ),
        (
            json!({"rules": [one]}),
            "`combinator` must be \"and\" or \"or\"",
        ),
        (
            json!({"combinator": "xor", "rules": [one]}),
            "`combinator` must be \"and\" or \"or\"",
        ),
        (
            json!({"combinator": {}, "rules": [one]}),
            "`combinator` must be \"and\" or \"or\"",
        ),
        (
            json!({"combinator": "or", "not": 1, "rules": [one]}),
            "`not` must be true or false",
        ),
        (
            json!({"combinator": "or", "field": "a", "rules": [one]}),
            "unknown key \"field\", expected one of combinator not rules",
        ),
        (
            json!({"combinator": "or", "muted": "no", "rules": [one]}),
            "`muted` must be true or false",
        ),
        (
            json!({"combinator": "or", "muted": true, "rules": [one]}),
            "muted rules are not supported, remove them",
        ),
    ] {
        refuse(node, reason);
    }
}

#[test]
fn invalid_rules() {
    let neither = "rules must be a group with `combinator` and `rules`, or a string";
    for json in [json!(null), json!(1), json!([]), json!(true)] {
        assert_eq!(refused(&json), [(String::new(), neither.to_owned())]);
    }
    let empty = json!({ "combinator": "and", "rules": [] });
    assert_eq!(
        refused(&empty),
        [(String::new(), "the group is empty".to_owned())]
    );
    assert!(
        refused(&json!({}))
            .iter()
            .all(|(pointer, _)| pointer.is_empty())
    );
    assert!(serde_json::from_value::<Rules>(json!({})).is_err());
}

#[test]
fn at_most_twenty_errors_are_reported() {
    let wrong = condition("visits", "=", "x");
    let json = json!({
        "combinator": "xor",
        "rules": [
            wrong,
            condition("visits", "=", 1),
            "and",
            { "combinator": "and", "not": 1, "rules": [wrong, { "combinator": "or", "rules": [] }] },
        ],
    });
    let pointers: Vec<String> = refused(&json)
        .into_iter()
        .map(|(pointer, _)| pointer)
        .collect();
    assert_eq!(
        pointers,
        [
            "",
            "/rules/0",
            "/rules/2",
            "/rules/3",
            "/rules/3/rules/0",
            "/rules/3/rules/1"
        ]
    );
    let many = refused(&and(vec![wrong; 25]));
    assert_eq!(many.len(), 20);
    assert_eq!(many[19].0, "/rules/19");
    let errors = Rules::from_json(&and(vec![json!(1); 2])).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "/rules/0: a rule must be an object; /rules/1: a rule must be an object"
    );
}
