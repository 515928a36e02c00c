//! Attributes, whose kind depends on each customer's value.

use super::*;

fn has(value: AttributeValue) -> CustomerFacts {
    CustomerFacts {
        attributes: [("size".to_owned(), value)].into(),
        ..CustomerFacts::default()
    }
}

#[track_caller]
fn check_size(value: AttributeValue, conditions: &[(&str, bool)]) {
    let facts = has(value);
    for (text, expected) in conditions {
        check(&facts, &[(&format!("attributes.size {text}"), *expected)]);
    }
}

#[test]
fn numbers() {
    check_size(
        AttributeValue::Integer(39),
        &[
            ("= 39", true),
            ("= 39.0", true),
            ("= \"39\"", true),
            ("= 39.5", false),
            ("= 38", false),
            ("< 39.5", true),
            ("< \"40\"", true),
            ("> 38.5", true),
            ("between 38.5 and \"39.5\"", true),
            ("between \"9\" and \"100\"", true),
            ("in (1, \"39\")", true),
            ("notIn (1, \"39\")", false),
            ("!= 39", false),
            ("!= gold", true),
            ("= gold", false),
            ("< gold", false),
            ("> gold", false),
            ("= true", false),
            ("= 1997-04-01", false),
            // Numbers have no substrings.
            ("contains 39", false),
            ("doesNotContain 39", true),
            ("beginsWith 3", false),
            ("notNull", true),
        ],
    );
    check_size(
        AttributeValue::Number(39.5),
        &[
            ("= 39.5", true),
            ("= \"39.5\"", true),
            ("= 3.95e1", true),
            ("= 39", false),
            ("> 39", true),
            ("< 40", true),
            ("between 39 and 40", true),
            ("between 40 and 41", false),
        ],
    );
    check_size(
        AttributeValue::Number(39.0),
        &[("= 39", true), ("in (39)", true)],
    );
    check_size(
        AttributeValue::Number(-0.5),
        &[("< 0", true), ("> -1", true)],
    );
}

#[test]
fn integers_beyond_the_precision_of_floats_are_exact() {
    let odd = 9_007_199_254_740_993; // 2^53 + 1
    check_size(
        AttributeValue::Integer(odd),
        &[
            ("= 9007199254740993", true),
            ("= \"9007199254740993\"", true),
            ("= 9007199254740992", false),
            ("= 9007199254740992.0", false),
            ("> 9007199254740992.0", true),
            ("< 9007199254740994.0", true),
            ("= 9007199254740994.0", false),
        ],
    );
    check_size(
        AttributeValue::Integer(i64::MAX),
        &[
            ("= 9223372036854775807", true),
            ("< 9223372036854775808", true),
            ("= 9223372036854775808", false),
            ("< 1e300", true),
            ("> -1e300", true),
        ],
    );
    check_size(
        AttributeValue::Integer(i64::MIN),
        &[
            ("= -9223372036854775808", true),
            ("= -9223372036854775809", true), // the same float
            ("> -1e300", true),
        ],
    );
    check_size(
        AttributeValue::Number(9_223_372_036_854_775_808.0),
        &[
            ("> 9223372036854775807", true),
            ("= 9223372036854775808", true),
        ],
    );
}

#[test]
fn texts() {
    check_size(
        text("39"),
        &[
            ("= \"39\"", true),
            ("= 39", false),
            ("< 40", false),
            ("> 38", false),
            ("!= 39", true),
            ("contains 3", true),
            ("contains \"3\"", true),
            ("in (39, \"39\")", true),
        ],
    );
    check_size(
        text("Gold"),
        &[
            ("= Gold", true),
            ("= gold", false),
            ("contains OL", true),
            ("beginsWith go", true),
            ("endsWith LD", true),
            ("doesNotEndWith LD", false),
            ("between A and Z", true),
            ("between 1 and 9", false),
            ("notBetween 1 and 9", true),
            ("> 1997-04-01", false),
        ],
    );
    check_size(
        text("true"),
        &[
            ("= true", false),
            ("= \"true\"", true),
            ("contains true", true),
        ],
    );
}

#[test]
fn booleans() {
    check_size(
        AttributeValue::Flag(true),
        &[
            ("= true", true),
            ("= \"true\"", true),
            ("= false", false),
            ("!= false", true),
            ("in (\"true\", 1)", true),
            ("in (1, yes)", false),
            ("= 1", false),
            ("contains true", false),
            ("notNull", true),
        ],
    );
    check_size(
        AttributeValue::Flag(false),
        &[("= false", true), ("null", false)],
    );
}

#[test]
fn times_are_texts_that_parse_as_one() {
    check_size(
        text("1997-04-01T12:00:00Z"),
        &[
            ("= 1997-04-01", true),
            ("= \"1997-04-01\"", true),
            ("= 1997-04-01T14:00:00+02:00", true),
            ("<= 1997-04-01", true),
            ("< 1997-04-01", false),
            ("> 1997-03-31", true),
            ("between 1997-01-01 and 1997-12-31", true),
            ("notBetween 1997-01-01 and 1997-12-31", false),
            ("beginsWith 1997", true),
            ("beginsWith 1997-04-01", true),
            ("> 1997", false),
            ("> \"1997\"", false), // in an order it is a number
            ("> \"a\"", false),
            ("< \"a\"", true), // text with text
        ],
    );
    check_size(
        text("1997-04-01"),
        &[
            ("= 1997-04-01", true),
            ("= 1997-04-01T00:00:00Z", true),
            ("> 1997-04-01", false),
            ("< 1997-04-02", true),
        ],
    );
    check_size(
        text("1997-02-30"),
        &[("< 1998-01-01", false), ("!= 1998-01-01", true)],
    );
}

#[test]
fn other_attributes_do_not_matter() {
    let facts = has(text("Gold"));
    check(
        &facts,
        &[
            ("attributes.Size = Gold", false),
            ("attributes.level null", true),
        ],
    );
}

#[test]
fn values_within_objects() {
    let object = serde_json::json!({"city": "Rome", "geo": {"lat": 41.9}});
    let facts = has(serde_json::from_value(object).unwrap());
    check(
        &facts,
        &[
            ("attributes.size.city = Rome", true),
            ("attributes.size.city beginsWith ro", true),
            ("attributes.size.geo.lat > 41", true),
            ("attributes.size.geo.lat = 42", false),
            ("attributes.size.zip null", true),
            ("attributes.size.city.name null", true),
            ("attributes.size.zip != 184", true),
            // An object is a value, but equal to none.
            ("attributes.size notNull", true),
            ("attributes.size.geo notNull", true),
            ("attributes.size = Rome", false),
            ("attributes.size != Rome", true),
            ("attributes.size contains Rome", false),
            ("attributes.size >= 0", false),
        ],
    );
    let scalar = has(AttributeValue::Integer(39));
    check(&scalar, &[("attributes.size.city null", true)]);
}

#[test]
fn activities_are_found_by_the_folded_form_of_a_name() {
    let activity = ActivityFacts {
        count: 2,
        last_at: None,
    };
    let facts = CustomerFacts {
        events: [("add_to_cart".to_owned(), activity)].into(),
        ..CustomerFacts::default()
    };
    check(
        &facts,
        &[
            ("events.add_to_cart.count = 2", true),
            ("events.add-to-cart.count = 2", true),
            ("events.AddToCart.count = 2", true),
            ("events.cart.count = 0", true),
        ],
    );
}
