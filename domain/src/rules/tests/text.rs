//! Rules as text. Printing them again shows how they were parsed.

use super::*;

#[track_caller]
fn read(cases: &[(&str, &str)]) {
    for (text, printed) in cases {
        assert_eq!(rules(text).to_string(), *printed, "{text}");
        assert_eq!(rules(printed), rules(text), "{printed}");
    }
}

/// Checks the error of each text, and its column.
#[track_caller]
fn refuse(cases: &[(&str, usize, &str)]) {
    for (text, column, reason) in cases {
        let RuleErrors(errors) = text.parse::<Rules>().expect_err(text);
        let [error] = &errors[..] else {
            panic!("{text}: {errors:?}");
        };
        assert_eq!(
            (error.column, error.pointer.as_str()),
            (Some(*column), ""),
            "{text}: {error}"
        );
        match reason.strip_suffix('*') {
            Some(beginning) => assert!(error.reason.starts_with(beginning), "{text}: {error}"),
            None => assert_eq!(error.reason, *reason, "{text}"),
        }
    }
}

#[test]
fn not_binds_tighter_than_and_which_binds_tighter_than_or() {
    read(&[
        (
            "visits=1 OR visits=2 AND visits=3",
            "visits = 1 OR (visits = 2 AND visits = 3)",
        ),
        (
            "visits=1 AND visits=2 OR visits=3",
            "(visits = 1 AND visits = 2) OR visits = 3",
        ),
        (
            "visits=1 AND (visits=2 OR visits=3)",
            "visits = 1 AND (visits = 2 OR visits = 3)",
        ),
        (
            "NOT visits=1 AND visits=2",
            "NOT (visits = 1) AND visits = 2",
        ),
        (
            "NOT (visits=1 AND visits=2)",
            "NOT (visits = 1 AND visits = 2)",
        ),
        ("NOT NOT visits=1", "NOT (NOT (visits = 1))"),
        ("NOT (NOT visits=1)", "NOT (NOT (visits = 1))"),
        (
            "visits=1 OR NOT (visits=2)",
            "visits = 1 OR NOT (visits = 2)",
        ),
        (
            "visits=1 AND visits=2 AND visits=3",
            "visits = 1 AND visits = 2 AND visits = 3",
        ),
        (
            "visits between 1 AND 2 AND visits=3",
            "visits between 1 AND 2 AND visits = 3",
        ),
    ]);
}

#[test]
fn parentheses_are_kept_as_groups() {
    read(&[
        ("(visits = 1)", "visits = 1"),
        ("((visits = 1))", "((visits = 1))"),
        (
            "((visits = 1) AND visits = 2)",
            "(visits = 1) AND visits = 2",
        ),
        ("(NOT visits = 1)", "(NOT (visits = 1))"),
        ("NOT ((visits = 1))", "NOT ((visits = 1))"),
    ]);
}

#[test]
fn case_and_spaces_do_not_matter() {
    read(&[
        ("visits>1", "visits > 1"),
        ("visits>-1", "visits > -1"),
        (
            "visits!=1 and not(visits>=2)",
            "visits != 1 AND NOT (visits >= 2)",
        ),
        (
            "  visits\t=\n1  Or\u{a0}visits = 2 ",
            "visits = 1 OR visits = 2",
        ),
        ("visits BETWEEN 1 aNd 2", "visits between 1 AND 2"),
        ("visits NOTIN(1,2)", "visits notIn (1, 2)"),
        ("last_order_at NULL", "last_order_at null"),
        (
            "city=\"Rome\"or city='Paris'",
            "city = \"Rome\" OR city = \"Paris\"",
        ),
    ]);
}

#[test]
fn values() {
    read(&[
        ("city = Rome", "city = \"Rome\""),
        ("city = 'Rome'", "city = \"Rome\""),
        ("city = 39", "city = \"39\""),
        ("city = 'or'", "city = \"or\""),
        ("city = “Rome”", "city = \"Rome\""),
        ("city = „Rome“", "city = \"Rome\""),
        ("city = ‘Rome’", "city = \"Rome\""),
        ("name = O’Neil", "name = \"O’Neil\""),
        ("name = 'O\\'Neil'", "name = \"O'Neil\""),
        ("name = \"O'Neil\"", "name = \"O'Neil\""),
        (r#"name = "a\\b\"c\d""#, r#"name = "a\\b\"cd""#),
        ("name = a\\b", r#"name = "a\\b""#),
        ("name = \" \"", "name = \" \""),
        ("city in (\"a, b\", c)", "city in (\"a, b\", \"c\")"),
        ("city = 😀", "city = \"😀\""),
        ("unsubscribed = \"true\"", "unsubscribed = true"),
        ("visits = \"7\"", "visits = 7"),
        ("visits = 7.0", "visits = 7"),
        ("visits = 1e3", "visits = 1000"),
        ("last_order_at > 1997-04-01", "last_order_at > 1997-04-01"),
        (
            "last_order_at > '1997-04-01T12:00'",
            "last_order_at > 1997-04-01T12:00:00.000Z",
        ),
    ]);
}

#[test]
fn bare_words_have_a_type_for_attributes_and_quoted_ones_are_texts() {
    read(&[
        ("attributes.a = 39", "attributes.a = 39"),
        ("attributes.a = '39'", "attributes.a = \"39\""),
        ("attributes.a = 39.5", "attributes.a = 39.5"),
        // Fast but inexact parsers get the last bit of this number wrong.
        (
            "attributes.a = 19.552495849370974",
            "attributes.a = 19.552495849370974",
        ),
        ("attributes.a = 1e16", "attributes.a = 1e16"),
        ("attributes.a = 0.1e-6", "attributes.a = 1e-7"),
        ("attributes.a = true", "attributes.a = true"),
        ("attributes.a = 'true'", "attributes.a = \"true\""),
        ("attributes.a = 007", "attributes.a = \"007\""),
        ("attributes.a = gold", "attributes.a = \"gold\""),
        ("attributes.a = '1997-04-01'", "attributes.a = 1997-04-01"),
        ("attributes.a contains 39", "attributes.a contains \"39\""),
        (
            "attributes.a beginsWith true",
            "attributes.a beginsWith \"true\"",
        ),
    ]);
}

#[test]
fn syntax_errors_have_a_column() {
    refuse(&[
        ("", 1, "expected a field, NOT or `(`, found the end"),
        ("   ", 4, "expected a field, NOT or `(`, found the end"),
        (
            "AND",
            1,
            "unknown field \"AND\", expected one of name email phone city country *",
        ),
        ("NOT", 4, "expected a field, NOT or `(`, found the end"),
        ("()", 2, "expected a field, NOT or `(`, found `)`"),
        (")", 1, "expected a field, NOT or `(`, found `)`"),
        (
            "\"name\" = 1",
            1,
            "expected a field, NOT or `(`, found \"name\"",
        ),
        ("visits", 7, "expected an operator, found the end"),
        ("visits (", 8, "expected an operator, found `(`"),
        (
            "visits 3",
            8,
            "unknown operator \"3\", expected one of = != < <= > >= between *",
        ),
        ("visits == 3", 8, "unknown operator \"==\", expected *"),
        ("visits =", 9, "expected a value, found the end"),
        (
            "city = null",
            8,
            "expected a value, with quotes around reserved words, found \"null\"",
        ),
        (
            "city = AND",
            8,
            "expected a value, with quotes around reserved words, found \"AND\"",
        ),
        ("visits = =", 10, "expected a value, found \"=\""),
        (
            "visits = 3 4",
            12,
            "expected AND, OR or the end, found \"4\"",
        ),
        ("visits = 3)", 11, "expected AND, OR or the end, found `)`"),
        (
            "visits = 3 AND",
            15,
            "expected a field, NOT or `(`, found the end",
        ),
        ("visits = 3,4", 11, "expected AND, OR or the end, found `,`"),
        ("(visits = 3", 12, "expected `)`, AND or OR, found the end"),
        (
            "visits between 3",
            17,
            "expected AND and the upper value, found the end",
        ),
        (
            "visits between 3, 4",
            17,
            "expected AND and the upper value, found `,`",
        ),
        (
            "visits between 3 AND",
            21,
            "expected a value, found the end",
        ),
        ("visits in 3", 11, "expected `(` and values, found \"3\""),
        ("visits in (", 12, "expected a value, found the end"),
        ("visits in ()", 12, "expected a value, found `)`"),
        ("visits in (3", 13, "expected `,` or `)`, found the end"),
        ("visits in (3,)", 14, "expected a value, found `)`"),
        (
            "visits null 3",
            13,
            "expected AND, OR or the end, found \"3\"",
        ),
        ("city = \"Rome", 8, "the quoted text is not terminated"),
        ("city = \"Rome\\\"", 8, "the quoted text is not terminated"),
        ("city = 'Rome\\", 8, "the quoted text is not terminated"),
        ("city = O'Neil", 9, "the quoted text is not terminated"),
        ("😀😀 = 1", 1, "unknown field \"😀😀\", expected *"),
        (
            "city = 😀 😀",
            10,
            "expected AND, OR or the end, found \"😀\"",
        ),
        (
            "city = a\0b",
            1,
            "the value of city must not contain control characters",
        ),
    ]);
}

#[test]
fn semantic_errors_have_the_column_of_their_condition() {
    refuse(&[
        (
            "visits=1 AND visits > x",
            14,
            "the value of visits must be a whole number, not \"x\"",
        ),
        (
            "visits = 1.5",
            1,
            "the value of visits must be a whole number, not \"1.5\"",
        ),
        (
            "total_spend = 1e16",
            1,
            "the value of total_spend must be a whole number of minor units, and 1e+16 is out \
             of range",
        ),
        (
            "total_spend = 9223372036854775808",
            1,
            "the value of total_spend must be a whole number of minor units, and \
             9223372036854775808 is out of range",
        ),
        (
            "days_since_last_order = -9223372036854775808",
            1,
            "the value of days_since_last_order must be at most 3000000 days from now, not \
             -9223372036854775808",
        ),
        (
            "last_order_at > yesterday",
            1,
            "the value of last_order_at must be a date or time such as 2026-11-23 or \
             2026-11-23T01:02:03Z, not \"yesterday\"",
        ),
        (
            "unsubscribed = 1",
            1,
            "the value of unsubscribed must be true or false, not \"1\"",
        ),
        (
            "unsubscribed > true",
            1,
            "the operator > does not fit unsubscribed, expected one of = != null notNull",
        ),
        (
            "tags = vip",
            1,
            "the operator = does not fit tags, expected one of null notNull contains \
             doesNotContain",
        ),
        (
            "visits contains 1",
            1,
            "the operator contains does not fit visits, expected one of = != < <= > >= between \
             notBetween in notIn null notNull",
        ),
        (
            "visits between 4 and 3",
            1,
            "between takes a lower value, then an upper value of the same type",
        ),
        (
            "name = ''",
            1,
            "the value of name must not be empty; use `null` to match a missing value",
        ),
        (
            "attributes.a.$b = 1",
            1,
            "\"attributes.a.$b\": \"$b\" must be 1 to 64 of letters, digits, _ and -",
        ),
    ]);
}

#[test]
fn a_json_string_is_parsed_as_text() {
    let text = "visits > 3 OR city = Rome";
    assert_eq!(Rules::from_json(&json!(text)), Ok(rules(text)));
    let RuleErrors(errors) = Rules::from_json(&json!("visits >")).unwrap_err();
    assert_eq!(
        (errors[0].pointer.as_str(), errors[0].column),
        ("", Some(9))
    );
    assert_eq!(
        errors[0].to_string(),
        "column 9: expected a value, found the end"
    );
}
