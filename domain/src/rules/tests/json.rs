//! Rules in the JSON of react-querybuilder, read and written back.

use super::*;

/// Returns the text of a group with these conditions.
#[track_caller]
fn read(nodes: impl IntoIterator<Item = Json>) -> String {
    let json = and(nodes);
    match Rules::from_json(&json) {
        Ok(rules) => rules.to_string(),
        Err(errors) => panic!("{json}: {errors}"),
    }
}

#[test]
fn an_export_is_read_and_written_back_with_its_ids() {
    let exported = json!({
        "id": "root",
        "path": [],
        "combinator": "or",
        "not": true,
        "rules": [
            {
                "id": "a1",
                "path": [0],
                "disabled": true,
                "field": "total_spend",
                "operator": ">",
                "valueSource": "value",
                "value": "10000",
            },
            { "id": "", "field": "city", "operator": "in", "value": "Rome, Paris" },
            { "field": "last_order_at", "operator": "null", "value": "" },
            {
                "id": "g1",
                "path": [2],
                "combinator": "AND",
                "rules": [
                    { "id": null, "field": "name", "operator": "beginsWith", "value": "Stev" },
                    {
                        "field": "registered_at",
                        "operator": "between",
                        "value": ["1954-10-03", "1960-06-06"],
                        "muted": false,
                    },
                ],
            },
        ],
    });
    let canonical = json!({
        "id": "root",
        "combinator": "or",
        "not": true,
        "rules": [
            {
                "id": "a1",
                "field": "total_spend",
                "operator": ">",
                "valueSource": "value",
                "value": 10_000,
            },
            {
                "field": "city",
                "operator": "in",
                "valueSource": "value",
                "value": ["Rome", "Paris"],
            },
            { "field": "last_order_at", "operator": "null", "valueSource": "value" },
            {
                "id": "g1",
                "combinator": "and",
                "not": false,
                "rules": [
                    {
                        "field": "name",
                        "operator": "beginsWith",
                        "valueSource": "value",
                        "value": "Stev",
                    },
                    {
                        "field": "registered_at",
                        "operator": "between",
                        "valueSource": "value",
                        "value": ["1954-10-03", "1960-06-06"],
                    },
                ],
            },
        ],
    });
    let rules = Rules::from_json(&exported).unwrap();
    assert_eq!(rules.to_json(), canonical);
    assert_eq!(Rules::from_json(&canonical), Ok(rules));
}

#[test]
fn numbers_booleans_and_times_may_be_strings() {
    for (field, value, printed) in [
        ("visits", json!("39"), "39"),
        ("visits", json!(" 39 "), "39"),
        ("visits", json!(39.0), "39"),
        ("visits", json!("39.0"), "39"),
        ("visits", json!(-1), "-1"),
        ("total_spend", json!(i64::MAX), "9223372036854775807"),
        (
            "total_spend",
            json!("-9223372036854775808"),
            "-9223372036854775808",
        ),
        ("unsubscribed", json!("true"), "true"),
        ("unsubscribed", json!(false), "false"),
        ("last_order_at", json!(" 1997-04-01 "), "1997-04-01"),
        (
            "last_order_at",
            json!("1997-04-01T12:00"),
            "1997-04-01T12:00:00.000Z",
        ),
        (
            "last_order_at",
            json!("1997-04-01T12:00:30.5"),
            "1997-04-01T12:00:30.500Z",
        ),
        ("city", json!("39"), "\"39\""),
        ("city", json!(" Rome, "), "\" Rome, \""),
        ("attributes.a", json!("39"), "\"39\""),
        ("attributes.a", json!(39), "39"),
        ("attributes.a", json!(39.0), "39"),
        ("attributes.a", json!(39.5), "39.5"),
        ("attributes.a", json!(1e16), "1e16"),
        ("attributes.a", json!(u64::MAX), "1.8446744073709552e19"),
        ("attributes.a", json!("1997-04-01"), "1997-04-01"),
    ] {
        let text = read([condition(field, "=", value)]);
        assert_eq!(text, format!("{field} = {printed}"));
    }
}

#[test]
fn lists_are_arrays_or_comma_separated_strings() {
    for (operator, value, printed) in [
        ("in", json!(["Rome", "Paris"]), "(\"Rome\", \"Paris\")"),
        ("in", json!("Rome,Paris"), "(\"Rome\", \"Paris\")"),
        ("in", json!(" Rome ,, Paris, "), "(\"Rome\", \"Paris\")"),
        ("in", json!("Rome\\, GA,Paris"), "(\"Rome, GA\", \"Paris\")"),
        ("in", json!("\\,\\,"), "(\",,\")"),
        ("in", json!("a\\b,c\\"), "(\"a\\\\b\", \"c\\\\\")"),
        ("in", json!("Rome"), "(\"Rome\")"),
        ("in", json!(["Rome, GA"]), "(\"Rome, GA\")"),
        ("notIn", json!("Rome"), "(\"Rome\")"),
        ("between", json!("Paris,Rome"), "\"Paris\" AND \"Rome\""),
        (
            "between",
            json!(["Paris", "Rome"]),
            "\"Paris\" AND \"Rome\"",
        ),
        ("notBetween", json!("Paris, Rome"), "\"Paris\" AND \"Rome\""),
    ] {
        let text = read([condition("city", operator, value)]);
        assert_eq!(text, format!("city {operator} {printed}"));
    }
    for (operator, value, printed) in [
        ("in", json!("1, 2"), "(1, 2)"),
        ("in", json!(["1", 2]), "(1, 2)"),
        ("in", json!(1), "(1)"),
        ("between", json!("1,2"), "1 AND 2"),
        ("between", json!([1, "1"]), "1 AND 1"),
    ] {
        let text = read([condition("visits", operator, value)]);
        assert_eq!(text, format!("visits {operator} {printed}"));
    }
    assert_eq!(
        read([condition("attributes.a", "in", true)]),
        "attributes.a in (true)"
    );
}

#[test]
fn a_leftover_value_is_ignored_by_null() {
    let without = json!({ "field": "city", "operator": "null" });
    assert_eq!(read([without]), "city null");
    for left in [
        json!(null),
        json!(""),
        json!("Rome"),
        json!(7),
        json!(["a", "b"]),
        json!(true),
    ] {
        assert_eq!(
            read([condition("city", "notNull", left.clone())]),
            "city notNull",
            "{left}"
        );
    }
}

#[test]
fn names_of_operators_and_combinators_are_case_insensitive() {
    let nodes = [
        condition("city", "NOTNULL", ""),
        condition("city", "BeginsWith", "R"),
    ];
    let json = json!({ "combinator": "OR", "not": null, "rules": nodes });
    let rules = Rules::from_json(&json).unwrap();
    assert_eq!(rules.to_string(), "city notNull OR city beginsWith \"R\"");
}

#[test]
fn every_field_and_every_operator_is_found_by_its_name() {
    for name in Field::names() {
        let name = name.replace("<key>", "a_B-9").replace("<name>", "a_B-9");
        assert_eq!(Field::named(&name).unwrap().to_string(), name);
    }
    for operator in Operator::ALL {
        assert_eq!(Operator::named(operator.name()), Ok(*operator));
    }
}
