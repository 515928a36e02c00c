//! Values that do not fit their field or operator.

use super::bad::refuse;
use super::*;

#[test]
fn values_of_the_wrong_type() {
    let odd = [
        (json!({"$gt": 1}), "an object"),
        (json!({"$regex": ".*"}), "an object"),
        (json!({}), "an object"),
        (json!([1]), "a list"),
        (json!([]), "a list"),
    ];
    for (field, what) in [
        ("name", "a string"),
        ("visits", "a whole number"),
        ("total_spend", "a whole number of minor units"),
        ("days_since_last_order", "a whole number of days"),
        ("unsubscribed", "true or false"),
        ("last_order_at", "a date or time such as *"),
        ("attributes.a", "a string, a number, a boolean, or a time"),
    ] {
        for (value, found) in &odd {
            let reason = format!("the value of {field} must be {what}, not {found}");
            let reason = reason.split_inclusive('*').next().unwrap();
            refuse(condition(field, "=", value.clone()), reason);
        }
        refuse(condition(field, "=", json!(null)), "`value` is missing");
    }
    for (field, value, reason) in [
        ("name", json!(1), "must be a string, not 1"),
        ("name", json!(true), "must be a string, not true"),
        ("visits", json!(true), "must be a whole number, not true"),
        (
            "visits",
            json!("many"),
            "must be a whole number, not \"many\"",
        ),
        ("visits", json!(""), "must be a whole number, not \"\""),
        (
            "visits",
            json!("0x10"),
            "must be a whole number, not \"0x10\"",
        ),
        (
            "visits",
            json!("1,000"),
            "must be a whole number, not \"1,000\"",
        ),
        ("unsubscribed", json!(1), "must be true or false, not 1"),
        (
            "unsubscribed",
            json!("yes"),
            "must be true or false, not \"yes\"",
        ),
        (
            "last_order_at",
            json!(0),
            "must be a date or time such as *",
        ),
        (
            "last_order_at",
            json!("1997-02-30"),
            "must be a date or time such as *",
        ),
        (
            "last_order_at",
            json!("1899-12-31"),
            "must be a date or time such as *",
        ),
    ] {
        refuse(
            condition(field, "=", value),
            &format!("the value of {field} {reason}"),
        );
    }
    refuse(
        condition("attributes.a", "contains", 1),
        "the value of attributes.a must be a string, not 1",
    );
    refuse(
        condition("city", "null", json!({"$gt": 1})),
        "null takes no value",
    );
}

#[test]
fn numbers_out_of_bounds() {
    for (value, reason) in [
        (json!(1.5), "must be a whole number, not 1.5"),
        (json!("1.5"), "must be a whole number, not \"1.5\""),
        (json!("1e400"), "must be a whole number, not \"1e400\""),
        (
            json!(u64::MAX),
            "must be a whole number, and 18446744073709551615 is out of range",
        ),
        (
            json!(1e300),
            "must be a whole number, and 1e+300 is out of range",
        ),
    ] {
        refuse(
            condition("visits", "<", value),
            &format!("the value of visits {reason}"),
        );
    }
    for days in [3_000_001, -3_000_001, i64::MIN, i64::MAX] {
        let reason = format!("must be at most 3000000 days from now, not {days}");
        refuse(
            condition("days_since_registered", ">", days),
            &format!("the value of days_since_registered {reason}"),
        );
    }
}

#[test]
fn invalid_texts() {
    for (value, reason) in [
        ("", "must not be empty; use `null` to match a missing value"),
        ("\0", "must not contain control characters"),
        ("a\nb", "must not contain control characters"),
        ("\u{85}", "must not contain control characters"),
        (&"x".repeat(1_025), "must have at most 1024 bytes, has 1025"),
    ] {
        for field in ["name", "attributes.a"] {
            let reason = format!("the value of {field} {reason}");
            refuse(condition(field, "=", value), &reason);
            refuse(condition(field, "contains", value), &reason);
            refuse(condition(field, "in", json!(["a", value])), &reason);
        }
    }
}

#[test]
fn too_many_or_too_few_values() {
    for (operator, value, reason) in [
        ("in", json!([]), "in takes at least one value"),
        ("in", json!(" , "), "in takes at least one value"),
        ("notIn", json!(""), "notIn takes at least one value"),
        ("in", json!(null), "`value` is missing"),
        ("between", json!(null), "`value` is missing"),
        ("between", json!(1), "between takes two values, not 1"),
        ("between", json!([1]), "between takes two values, not 1"),
        ("between", json!("1,2,3"), "between takes two values, not 3"),
        (
            "notBetween",
            json!(","),
            "notBetween takes two values, not 0",
        ),
        (
            "in",
            json!([[1]]),
            "the value of visits must be a whole number, not a list",
        ),
        (
            "in",
            json!([1, null]),
            "the value of visits must be a whole number, not nothing",
        ),
        (
            "in",
            json!({"$gt": 1}),
            "the value of visits must be a whole number, not an object",
        ),
    ] {
        refuse(condition("visits", operator, value), reason);
    }
}

#[test]
fn between_reversed() {
    for (field, value) in [
        ("visits", json!([2, 1])),
        ("days_since_last_order", json!([60, 30])),
        ("last_order_at", json!(["1997-04-02", "1997-04-01"])),
        (
            "last_order_at",
            json!(["1997-04-02", "1997-04-01T23:59:59.999Z"]),
        ),
        ("city", json!(["b", "a"])),
        ("attributes.a", json!([2, 1.5])),
        ("attributes.a", json!([1, "b"])),
        ("attributes.a", json!([true, 1])),
        ("attributes.a", json!(["1997-04-01", 5])),
    ] {
        for operator in ["between", "notBetween"] {
            let reason = "takes a lower value, then an upper value of the same type";
            refuse(
                condition(field, operator, value.clone()),
                &format!("{operator} {reason}"),
            );
        }
    }
}
